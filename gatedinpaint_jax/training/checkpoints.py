"""Checkpoints of a run, in `WORKDIR/checkpoints/STEP/`.

Each holds three items: `state`, all that training needs; `generator`, the
parameters that inference needs (the moving average where there is one); and
`config`, as JSON.
"""

import json
import pathlib

import jax
import orbax.checkpoint as ocp

from gatedinpaint_jax import errors

FOLDER = "checkpoints"
_ITEMS = ("state", "generator", "config")


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

  def restore(self, step: int, like, config: dict):
    """Returns the state saved at `step`.

    Args:
      step: of an existing checkpoint.
      like: a `TrainState` of `jax.ShapeDtypeStruct`s with the shardings wanted,
        whatever devices the checkpoint was made on.
      config: plain dictionary of the config that `like` belongs to.

    Raises:
      UserError: if the checkpoint's arrays are others, naming the keys whose
        values differ.
    """
    try:
      return self._restore(step, state=ocp.args.StandardRestore(like))
    except ValueError as error:
      saved = self._restore(step, config=ocp.args.JsonRestore())
      raise errors.UserError(
        f"{self._manager.directory}: checkpoint {step} does not fit this "
        f"config: {', '.join(_differences(saved, config)) or error}; put these "
        "back or name another --workdir"
      ) from error

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


def _differences(saved: dict, now: dict, prefix="") -> list[str]:
  """Names the keys of a config whose values were others when it was saved."""
  named = []
  for key, value in json.loads(json.dumps(now)).items():
    before = saved.get(key)
    if isinstance(value, dict):
      named += _differences(before or {}, value, f"{prefix}{key}.")
    elif value != before:
      named.append(f"config.{prefix}{key} is {value}, was {before}")
  return named
