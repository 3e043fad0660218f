"""Checkpoints of a run, in `WORKDIR/checkpoints/STEP/`.

Each holds three items: `state`, all that training needs; `generator`, the
parameters that inference needs (the moving average where there is one); and
`config`, as JSON. Weights that were imported are step 0: their `state` holds
the discriminator alone, or is not there, and their `config` has no optimizer.

A checkpoint is written under another name and renamed when it is whole; what a
killed run left half-written is removed by the next one.
"""

import contextlib
import pathlib
import shutil
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import orbax.checkpoint as ocp
from absl import logging

from gatedinpaint_jax import errors
from gatedinpaint_jax.training import checkpoint_files, hosts

FOLDER = "checkpoints"
# Where damaged ones are moved, beside the others.
DAMAGED = "damaged_checkpoints"
_ITEMS = ("state", "generator", "config")
_JSON = ocp.args.JsonRestore()


class Restored(NamedTuple):
  """What a run goes on with.

  Attributes:
    state: as it was saved.
    window: `Meter.window` of that step.
    skipped_in_a_row: `divergence.Watch.in_a_row` of that step.
  """

  state: Any
  window: Sequence[dict[str, float]] = ()
  skipped_in_a_row: int = 0


class Checkpoints:
  """Saves in the background and restores, the newest `keep` of a run."""

  def __init__(self, workdir, *, keep: int):
    """Opens the folder of a run, or creates it.

    Args:
      workdir: of the run; anything `pathlib.Path` takes.
      keep: how many of the newest checkpoints stay on the disk.
    """
    self._workdir = pathlib.Path(workdir).resolve()
    self._manager = ocp.CheckpointManager(
      self._workdir / FOLDER,
      item_names=_ITEMS,
      options=ocp.CheckpointManagerOptions(
        max_to_keep=keep, create=True, cleanup_tmp_directories=True
      ),
    )

  def __enter__(self):
    """Returns these checkpoints, to be closed at the end."""
    return self

  def __exit__(self, kind, error, traceback):
    """Closes; after an error only what needs no other process."""
    # One of several processes would wait for the others, and they for it.
    if error is None or jax.process_count() == 1:
      self.close()

  def latest_step(self) -> int | None:
    """Returns the step of the newest complete checkpoint, None without one."""
    return self._manager.latest_step()

  def save(
    self, state, config: dict, *, window=(), skipped_in_a_row: int = 0
  ) -> None:
    """Saves at `state.step`; returns before the files are written.

    Args:
      state: a `TrainState`. Its arrays are copied before this returns.
      config: plain dictionary of the whole config.
      window: `Meter.window` at this step.
      skipped_in_a_row: `divergence.Watch.in_a_row` at this step.

    Raises:
      UserError: if there is no room, or the save before this one failed.
    """
    self._check_room(state)
    with self._telling_what_failed():
      self._manager.save(
        int(state.step),
        args=ocp.args.Composite(
          state=ocp.args.StandardSave(state),
          generator=ocp.args.StandardSave(state.best_generator),
          config=ocp.args.JsonSave(config),
        ),
        custom_metadata={
          "window": list(window),
          "skipped_in_a_row": skipped_in_a_row,
        },
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

  def check(self) -> None:
    """Raises UserError if a save in the background has failed."""
    with self._telling_what_failed():
      self._manager.check_for_errors()

  def wait(self) -> None:
    """Waits until what was saved is on the disk.

    Raises:
      UserError: if it could not be written.
    """
    with self._telling_what_failed():
      self._manager.wait_until_finished()

  def newest_whole(self, *, up_to: int | None = None) -> int | None:
    """Returns the newest step that can be read; moves damaged ones away.

    Args:
      up_to: prefer the newest of the steps up to this one.

    Raises:
      UserError: if there are checkpoints and all of them are damaged.
    """
    self.wait()
    hosts.do_in_first(self._set_damaged_aside)
    self._manager.reload()
    steps = self._manager.all_steps()
    wanted = [step for step in steps if up_to is None or step <= up_to]
    return max(wanted or steps, default=None)

  def _set_damaged_aside(self) -> None:
    """Moves damaged checkpoints away until the newest one is whole."""
    steps = sorted(self._manager.all_steps(), reverse=True)
    for step in steps:
      try:
        checkpoint_files.check_whole(self.folder(step))
      except checkpoint_files.DAMAGE as error:
        self._set_aside(step, error)
      else:
        return
    if steps:
      raise errors.UserError(
        f"{self._workdir / DAMAGED}: all checkpoints of this run are damaged; "
        "name another `workdir` to begin anew"
      )

  def folder(self, step: int) -> pathlib.Path:
    """Returns where a checkpoint lies."""
    return self._workdir / FOLDER / str(step)

  def config(self, step: int) -> dict:
    """Returns the config that a checkpoint was saved with."""
    return self._restore(step, config=_JSON)

  def restore(self, step: int, like) -> Restored:
    """Returns what was saved at `step`.

    Args:
      step: of an existing checkpoint.
      like: a `TrainState` of `jax.ShapeDtypeStruct`s with the shardings wanted,
        whatever devices the checkpoint was made on.
    """
    state = self._restore(step, state=ocp.args.StandardRestore(like))
    metadata = self._manager.metadata(step).custom_metadata or {}
    return Restored(state, **metadata)

  def close(self) -> None:
    """Waits until everything is on the disk.

    Raises:
      UserError: if the last save failed.
    """
    self.wait()
    with self._telling_what_failed():
      self._manager.close()

  def _restore(self, step, **item):
    (name,) = item
    restored = self._manager.restore(step, args=ocp.args.Composite(**item))
    return restored[name]

  def _set_aside(self, step, error):
    """Moves a damaged checkpoint to where nobody takes it for a whole one."""
    place = self._workdir / DAMAGED / str(step)
    logging.error(
      "checkpoint %d is damaged (%s): moved to %s, going back to the one "
      "before",
      step,
      errors.first_words(error),
      place,
    )
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(exist_ok=True)
    self.folder(step).rename(place)

  def _check_room(self, state):
    """Raises UserError if the disk has no room for one more checkpoint."""
    arrays = jax.tree.leaves((state, state.best_generator))
    wanted = sum(array.nbytes for array in arrays)
    free = shutil.disk_usage(self._workdir).free
    if free < wanted:
      raise errors.UserError(
        f"{self._workdir}: {free / 1e6:.0f} MB are free and a checkpoint takes "
        f"{wanted / 1e6:.0f} MB; {self._last_good()}make room and run the same "
        "command again"
      )

  @contextlib.contextmanager
  def _telling_what_failed(self):
    """Turns the error of a save into one line."""
    try:
      yield
    except jax.errors.JaxRuntimeError:
      raise  # of a lost process, and not of the disk
    except (OSError, ValueError, RuntimeError) as error:
      is_full = "No space left" in str(error)
      raise errors.UserError(
        f"{self._workdir}: a checkpoint could not be written "
        f"({errors.first_words(error)}); {self._last_good()}"
        f"{'make room and ' * is_full}run the same command again"
      ) from error

  def _last_good(self) -> str:
    """Says which checkpoint is on the disk; the manager may hope for more."""
    steps = [
      int(path.name)
      for path in (self._workdir / FOLDER).iterdir()
      if path.name.isdecimal()
    ]
    return f"step {max(steps)} is saved; " if steps else ""


def abstract(state_shapes, sharding):
  """Returns `state_shapes` with `sharding` on every array, for `restore`."""
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding),
    state_shapes,
  )
