"""Checkpoints of a run, in `WORKDIR/checkpoints/STEP/`.

Each holds three items: `state`, everything that training needs; `generator`,
the parameters for inference (the moving average if the run keeps one); and
`config`, as JSON. Imported weights are step 0: their `state` holds only the
discriminator or is missing, and their `config` has no optimizer.

A checkpoint is written under a temporary name and renamed once complete. Files
that a killed run left incomplete are removed when the next run starts.
"""

import contextlib
import pathlib
import shutil
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import orbax.checkpoint as ocp
from absl import logging

from gatedinpaint_jax import errors, files
from gatedinpaint_jax.training import checkpoint_reader, hosts

FOLDER = checkpoint_reader.FOLDER
# Folder in the workdir to which damaged checkpoints are moved.
DAMAGED = "damaged_checkpoints"


class Restored(NamedTuple):
  """What a run resumes from."""

  state: Any  # a `TrainState`
  window: Sequence[dict[str, float]] = ()  # of the `Meter` at that step
  skipped_in_a_row: int = 0  # of the `divergence.Monitor` at that step


class Checkpoints:
  """The checkpoints of a run; saves in the background."""

  def __init__(self, workdir, *, keep: int):
    """Opens or creates the folder; retains only the newest `keep` steps."""
    self._workdir = pathlib.Path(workdir).resolve()
    hosts.on_first_process(self._check_files)
    try:
      self._manager = ocp.CheckpointManager(
        self._workdir / FOLDER,
        item_names=("state", "generator", "config"),
        options=ocp.CheckpointManagerOptions(
          max_to_keep=keep, create=True, cleanup_tmp_directories=True
        ),
      )
    except errors.NONSENSE as error:
      raise errors.UserError(
        f"{self._workdir / FOLDER} has a checkpoint of another program "
        f"({errors.first_words(error)}); name another `workdir`"
      ) from error

  def __enter__(self):
    return self

  def __exit__(self, kind, error, traceback):
    # Closing synchronizes all processes. After an error in one of them it would
    # wait forever.
    if error is None or jax.process_count() == 1:
      self.close()

  def latest_step(self) -> int | None:
    """Returns the step of the newest complete checkpoint, or None."""
    return self._manager.latest_step()

  def save(self, state, config: dict, **metadata) -> None:
    """Copies a `TrainState` and writes it in the background as `state.step`.

    The metadata are the other fields of `Restored`.

    Raises:
      UserError: if the disk is full or the previous save failed.
    """
    self._check_room(state)
    with self._one_line_errors():
      self._manager.save(
        int(state.step),
        args=ocp.args.Composite(
          state=ocp.args.StandardSave(state),
          generator=ocp.args.StandardSave(state.best_generator),
          config=ocp.args.JsonSave(config),
        ),
        custom_metadata=metadata,
      )

  def save_imported(self, weights: dict, config: dict) -> None:
    """Saves imported networks as step 0.

    The weights are `generator` and optionally `discriminator` with `spectral`,
    as in `TrainState`; the config is `model` and `imported_from`.
    """
    items = {
      "generator": ocp.args.StandardSave(weights["generator"]),
      "config": ocp.args.JsonSave(config),
    }
    state = {k: v for k, v in weights.items() if k != "generator"}
    if state:
      items["state"] = ocp.args.StandardSave(state)
    with self._one_line_errors():
      self._manager.save(0, args=ocp.args.Composite(**items))

  def check(self) -> None:
    """Raises UserError if a background save has failed."""
    with self._one_line_errors():
      self._manager.check_for_errors()

  def wait(self) -> None:
    """Waits for background saves; raises UserError if one has failed."""
    with self._one_line_errors():
      self._manager.wait_until_finished()

  def newest_intact(self, *, up_to: int | None = None) -> int | None:
    """Returns the newest readable step, or None; moves damaged ones away.

    Prefers the newest step that is not after `up_to`.

    Raises:
      UserError: if some are damaged and none is intact.
    """
    self.wait()
    hosts.on_first_process(lambda: self._move_damaged(up_to))
    self._manager.reload()
    steps = self._manager.all_steps()
    wanted = [step for step in steps if up_to is None or step <= up_to]
    return max(wanted or steps, default=None)

  def _check_files(self) -> None:
    """Raises OSError for a pipe or a device, which orbax would wait for."""
    for path in (self._workdir / FOLDER).glob("*/_CHECKPOINT_METADATA"):
      files.check_regular(path)

  def _move_damaged(self, up_to) -> None:
    """Moves damaged checkpoints away until the preferred one is intact."""
    is_late = lambda step: up_to is not None and step > up_to
    steps = sorted(self._manager.all_steps(), reverse=True)
    for step in sorted(steps, key=is_late):
      try:
        checkpoint_reader.check_intact(self.folder(step))
        return
      except checkpoint_reader.DAMAGE as error:
        target = self._workdir / DAMAGED / str(step)
        logging.error(
          "checkpoint %d is damaged (%s): moved to %s, trying another one",
          step,
          errors.first_words(error),
          target,
        )
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(exist_ok=True)
        self.folder(step).rename(target)
    damaged = self._workdir / DAMAGED
    if damaged.exists():
      raise errors.UserError(
        f"{damaged}: has damaged checkpoints, and none is intact; remove this "
        "folder to begin anew, or name another `workdir`"
      )

  def folder(self, step: int) -> pathlib.Path:
    """Returns the folder of a checkpoint."""
    return self._workdir / FOLDER / str(step)

  def config(self, step: int) -> dict:
    """Returns the config that was saved with a checkpoint."""
    items = ocp.args.Composite(config=ocp.args.JsonRestore())
    return self._manager.restore(step, args=items).config

  def restore(self, step: int, like, sharding) -> Restored:
    """Restores a checkpoint, regardless of the devices that wrote it.

    `like` is a `TrainState` of arrays or shapes.

    Raises:
      UserError: if the checkpoint holds others.
    """
    like = jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), like
    )
    items = ocp.args.Composite(state=ocp.args.StandardRestore(like))
    try:
      checkpoint_reader.check_shapes(self.folder(step) / "state", like)
      state = self._manager.restore(step, args=items).state
      about = self._manager.metadata(step).custom_metadata or {}
      window = list(about.get("window", ()))
      return Restored(state, window, int(about.get("skipped_in_a_row", 0)))
    except checkpoint_reader.DAMAGE as error:
      raise errors.UserError(
        f"{self.folder(step)} is not of this run ({errors.first_words(error)});"
        " name another `workdir`"
      ) from error

  def close(self) -> None:
    """Waits for background saves; raises UserError if one has failed."""
    with self._one_line_errors():
      self._manager.close()

  def _check_room(self, state):
    """Raises UserError if the disk has no room for another checkpoint."""
    arrays = jax.tree.leaves((state, state.best_generator))
    needed = sum(array.nbytes for array in arrays)
    free = shutil.disk_usage(self._workdir).free
    if free < needed:
      raise errors.UserError(
        f"{self._workdir}: {free / 1e6:.0f} MB are free and a checkpoint takes "
        f"{needed / 1e6:.0f} MB; {self._last_good()}free some space and run "
        "the same command again"
      )

  @contextlib.contextmanager
  def _one_line_errors(self):
    """Turns errors of a save into a UserError."""
    try:
      yield
    except jax.errors.JaxRuntimeError:
      raise  # a process was lost; not a problem of the disk
    except (OSError, ValueError, RuntimeError) as error:
      is_full = "No space left" in str(error)
      raise errors.UserError(
        f"{self._workdir}: a checkpoint could not be written "
        f"({errors.first_words(error)}); {self._last_good()}"
        f"{'free some space and ' * is_full}run the same command again"
      ) from error

  def _last_good(self) -> str:
    # The manager also counts steps that are still being written.
    names = [path.name for path in (self._workdir / FOLDER).iterdir()]
    steps = [int(name) for name in names if name.isdecimal()]
    return f"step {max(steps)} is saved; " if steps else ""
