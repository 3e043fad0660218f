"""Steps that were skipped because something was not finite, and what follows.

Looked at when the next step is under way, so that devices need not wait; once
one was skipped, at once.
"""

import json
import pathlib
import shutil
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import logging

from gatedinpaint_jax.training import checkpoints, hosts
from gatedinpaint_jax.training import step as step_lib

FOLDER = "not_finite"


class SkippedStep(NamedTuple):
  """A step that was skipped, or may have been.

  Attributes:
    number: of the step.
    first_example: index of the batch's first example in the stream.
    batch: what it was to learn from.
    metrics: what it returned.
  """

  number: int
  first_example: int
  batch: Any
  metrics: dict[str, jax.Array]

  @property
  def why(self) -> str:
    """Says what was not finite."""
    values = {
      name: float(self.metrics[name])
      for name in step_lib.MUST_BE_FINITE
      if name in self.metrics
    }
    return ", ".join(
      f"{name} is {value}"
      for name, value in values.items()
      if not np.isfinite(value)
    )


class Watch:
  """Counts skipped steps in a row and keeps the batch of the last one.

  Attributes:
    skipped: the newest step that was skipped, or None.
    in_a_row: how many were, up to the newest one that was looked at.
  """

  def __init__(self, most_in_a_row: int, *, in_a_row: int = 0):
    """Begins to watch.

    Args:
      most_in_a_row: so many skipped steps in a row mean that it diverged.
      in_a_row: skipped before this run went on.
    """
    self._most = most_in_a_row
    self._newest = None
    self.in_a_row = in_a_row
    self.skipped = None

  def forget(self) -> None:
    """Starts to count anew, after a run went back."""
    self._newest = None
    self.in_a_row = 0
    self.skipped = None

  def add(self, number: int, first_example: int, batch, metrics) -> None:
    """Takes a step that may be under way and looks at the one before.

    Args:
      number: of the step.
      first_example: index of the batch's first example in the stream.
      batch: what it learned from.
      metrics: what it returned.
    """
    self.look()
    self._newest = SkippedStep(number, first_example, batch, metrics)
    if self.in_a_row or self._most == 1:
      # What `dump` writes is the state before a skipped step only as long as
      # nothing was learned after it.
      self.look()

  def look(self) -> None:
    """Waits for the newest step and counts it."""
    step, self._newest = self._newest, None
    if step is None:
      return
    if not float(step.metrics[step_lib.SKIPPED]):
      self.in_a_row = 0
      return
    self.in_a_row += 1
    self.skipped = step
    last_example = step.first_example + step.batch.image.shape[0] - 1
    logging.warning(
      "step %d skipped, examples %d to %d: %s",
      step.number,
      step.first_example,
      last_example,
      step.why,
    )

  @property
  def diverged(self) -> bool:
    """Whether too many steps in a row were skipped."""
    return self.in_a_row >= self._most


def dump(workdir, skipped: SkippedStep, state, config: dict) -> pathlib.Path:
  """Writes what reproduces a skipped step; returns the folder.

  It gets `batch.npz`, with `image`, `mask` and perhaps `sketch` as in
  `batch.py`, `step.json`, and a checkpoint of the state, which is that of
  before the step, for nothing was learned from it.

  Args:
    workdir: of the run.
    skipped: from `Watch.skipped`.
    state: the `TrainState` after it.
    config: plain dictionary of the whole config.
  """
  folder = pathlib.Path(workdir) / FOLDER
  batch = hosts.gather(skipped.batch)
  described = {
    "step": skipped.number,
    "first_example": skipped.first_example,
    "not_finite": skipped.why,
  }

  def write():
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    arrays = {k: v for k, v in batch._asdict().items() if v is not None}
    np.savez_compressed(folder / "batch.npz", **arrays)
    (folder / "step.json").write_text(json.dumps(described, indent=2) + "\n")

  hosts.do_in_first(write)
  with checkpoints.Checkpoints(folder, keep=1) as store:
    store.save(state, config)
  return folder
