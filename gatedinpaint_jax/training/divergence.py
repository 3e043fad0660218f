"""Detects steps that were skipped because a value was not finite.

A step is checked while the next one runs, so that the devices never wait; after
a skipped step, each one is checked at once.
"""

import json
import pathlib
import shutil
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import logging
from jax.experimental import multihost_utils

from gatedinpaint_jax.training import checkpoints, hosts
from gatedinpaint_jax.training import step as step_lib

FOLDER = "not_finite"


class Step(NamedTuple):
  """A training step that was skipped, or may have been."""

  number: int  # from 1
  first_example: int  # index of the batch's first example in the stream
  batch: Any
  metrics: dict[str, jax.Array]

  @property
  def reason(self) -> str:
    """Which metrics are not finite."""
    return ", ".join(
      f"{name} is {float(self.metrics[name])}"
      for name in step_lib.MUST_BE_FINITE
      if not np.isfinite(self.metrics.get(name, 0))
    )


class Monitor:
  """Counts consecutive skipped steps and keeps the batch of the last one."""

  def __init__(self, max_in_a_row: int, *, skipped_in_a_row: int = 0):
    """Treats `max_in_a_row` consecutive skipped steps as divergence."""
    self._max_in_a_row = max_in_a_row
    self.reset()
    self.skipped_in_a_row = skipped_in_a_row
    # Whether the run has gone back since its last save; set by it.
    self.went_back = False

  def reset(self) -> None:
    """Starts over, after the run went back."""
    self._unchecked = None
    # Up to the last step that was checked.
    self.skipped_in_a_row = 0
    self.skipped = None  # the last skipped `Step`

  def add(self, number: int, first_example: int, batch, metrics) -> None:
    """Takes a step that may be running and checks the one before."""
    self.check()
    self._unchecked = Step(number, first_example, batch, metrics)
    if self.skipped_in_a_row or self._max_in_a_row == 1:
      # `dump` needs the state before a skipped step, which is the current one
      # only until another step has learned something.
      self.check()

  def check(self) -> None:
    """Waits for the newest step and counts it if it was skipped."""
    step, self._unchecked = self._unchecked, None
    if step is None:
      return
    if not float(step.metrics[step_lib.SKIPPED]):
      self.skipped_in_a_row = 0
      return
    self.skipped_in_a_row += 1
    self.skipped = step
    logging.warning(
      "step %d skipped, examples %d to %d: %s",
      step.number,
      step.first_example,
      step.first_example + step.batch.image.shape[0] - 1,
      step.reason,
    )

  @property
  def has_diverged(self) -> bool:
    """Whether too many consecutive steps were skipped."""
    return self.skipped_in_a_row >= self._max_in_a_row


def dump(workdir, skipped: Step, state, config: dict) -> pathlib.Path:
  """Writes what is needed to reproduce a skipped step; returns the folder.

  It gets `batch.npz` with the fields of `Batch` as they travelled, `step.json`,
  and a checkpoint. A skipped step changes no parameters, so `state`, the one
  after it, serves.
  """
  folder = pathlib.Path(workdir) / FOLDER
  batch = multihost_utils.process_allgather(skipped.batch, tiled=True)
  description = {
    "step": skipped.number,
    "first_example": skipped.first_example,
    "not_finite": skipped.reason,
  }

  def write():
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    arrays = {k: v for k, v in batch._asdict().items() if v is not None}
    np.savez_compressed(folder / "batch.npz", **arrays)
    (folder / "step.json").write_text(json.dumps(description, indent=2) + "\n")

  hosts.on_first_process(write)
  with checkpoints.Checkpoints(folder, keep=1) as store:
    store.save(state, config)
  return folder
