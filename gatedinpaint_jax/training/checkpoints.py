"""Checkpoints of a run, in `WORKDIR/checkpoints/STEP/`.

Each holds three items: `state`, all that training needs; `generator`, the
parameters that inference needs (the moving average where there is one); and
`config`, as JSON. Weights that were imported are step 0: their `state` holds
the discriminator alone, or is not there, and their `config` has no optimizer.
"""

import pathlib
from typing import Any

import jax
import orbax.checkpoint as ocp

from gatedinpaint_jax import errors

FOLDER = "checkpoints"
_ITEMS = ("state", "generator", "config")
_JSON = ocp.args.JsonRestore()


class Checkpoints:
  """Saves in the background and restores, the newest `keep` of a run."""

  def __init__(self, workdir, *, keep: int):
    """Opens the folder of a run, or creates it.

    Args:
      workdir: of the run; anything `pathlib.Path` takes.
      keep: how many of the newest checkpoints stay on the disk.
    """
    self._manager = ocp.CheckpointManager(
      pathlib.Path(workdir).resolve() / FOLDER,
      item_names=_ITEMS,
      options=ocp.CheckpointManagerOptions(max_to_keep=keep, create=True),
    )

  def latest_step(self) -> int | None:
    """Returns the step of the newest complete checkpoint, None without one."""
    return self._manager.latest_step()

  def save(self, state, config: dict) -> None:
    """Saves at `state.step`; returns before the files are written.

    Args:
      state: a `TrainState`. Its arrays are copied before this returns.
      config: plain dictionary of the whole config.
    """
    self._manager.save(
      int(state.step),
      args=ocp.args.Composite(
        state=ocp.args.StandardSave(state),
        generator=ocp.args.StandardSave(state.best_generator),
        config=ocp.args.JsonSave(config),
      ),
    )

  def save_imported(self, weights: dict, config: dict) -> None:
    """Saves networks that come from elsewhere as step 0.

    Args:
      weights: `generator` and, where there is one, `discriminator` with
        `spectral`; trees as in `TrainState`.
      config: `model` as in a whole config, and `imported_from`.
    """
    items = {
      "generator": ocp.args.StandardSave(weights["generator"]),
      "config": ocp.args.JsonSave(config),
    }
    critic = {k: v for k, v in weights.items() if k != "generator"}
    if critic:
      items["state"] = ocp.args.StandardSave(critic)
    self._manager.save(0, args=ocp.args.Composite(**items))

  def is_imported(self, step: int) -> bool:
    """Returns whether `step` holds imported weights, not a whole state."""
    return "imported_from" in self._restore(step, config=_JSON)

  def restore(self, step: int, like, config: dict):
    """Returns the state saved at `step`.

    Args:
      step: of an existing checkpoint.
      like: a `TrainState` of `jax.ShapeDtypeStruct`s with the shardings wanted,
        whatever devices the checkpoint was made on.
      config: plain dictionary of the config that `like` belongs to.

    Raises:
      UserError: if the checkpoint has other arrays, naming the keys that make
        them so.
    """
    # Asked first: a restore that fails leaves orbax's tasks behind.
    self.check_fits(step, config)
    return self._restore(step, state=ocp.args.StandardRestore(like))

  def check_fits(self, step: int, config: dict) -> None:
    """Raises UserError, naming the keys, if `step` has other arrays."""
    saved, now = _shaping(self._restore(step, config=_JSON)), _shaping(config)
    differing = [
      f"{key}: {now[key]}, was {value}"
      for key, value in saved.items()
      if now[key] != value
    ]
    if differing:
      raise errors.UserError(
        f"{self._manager.directory}: checkpoint {step} does not fit this "
        f"config; {'; '.join(differing)}; put it back or name another --workdir"
      )

  def _restore(self, step, **item):
    (name,) = item
    restored = self._manager.restore(step, args=ocp.args.Composite(**item))
    return restored[name]

  def close(self) -> None:
    """Waits until everything is on the disk."""
    self._manager.wait_until_finished()
    self._manager.close()


def abstract(state_shapes, sharding):
  """Returns `state_shapes` with `sharding` on every array, for `restore`."""
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding),
    state_shapes,
  )


def _shaping(config: dict) -> dict[str, Any]:
  """Returns what of a config decides which arrays a state has."""
  model, optimizer = config["model"], config.get("optimizer")
  shaping = {
    f"config.model.{key}": model[key] for key in ("conv", "width", "guided")
  }
  if optimizer is None:
    return shaping
  is_scheduled = optimizer["decay"] != "constant" or optimizer["warmup_steps"]
  return shaping | {
    "config.optimizer.clip_norm is set": optimizer["clip_norm"] is not None,
    "config.optimizer.average_decay is set": (
      optimizer["average_decay"] is not None
    ),
    "config.optimizer has a schedule": bool(is_scheduled),
  }
