"""Means of the metrics, and the speed, since the last report."""

import contextlib
import time
from collections.abc import Sequence

import jax
import numpy as np

from gatedinpaint_jax.training import step as step_lib


class Meter:
  """Averages metrics without stalling the devices.

  Metrics stay on the devices until the next report. Only the step before the
  newest one is waited for, so that at most two are in flight.
  """

  def __init__(
    self, batch_size: int, *, window: Sequence[dict[str, float]] = ()
  ):
    """Starts the clock; continues from `window()` of a resumed run."""
    self._batch_size = batch_size
    self._reset()
    self._metrics = list(window)
    self._untimed = len(self._metrics)

  def add(self, metrics: dict[str, jax.Array]) -> None:
    """Adds the scalars of a step that may still be running."""
    if self._metrics:
      jax.block_until_ready(self._metrics[-1])
    self._metrics.append(metrics)

  def newest(self) -> dict[str, float]:
    """Returns the newest metrics that are available without waiting.

    Empty if no step has finished since the last report.
    """
    # The last step may be running; `add` has waited for the one before.
    done = self._metrics[-2:-1]
    return {k: float(v) for metrics in done for k, v in metrics.items()}

  def window(self) -> list[dict[str, float]]:
    """Returns the metrics of each step since the last report, for checkpoints.

    A run that is resumed between two reports thus logs the same means.
    """
    self._metrics = [
      {name: float(value) for name, value in metrics.items()}
      for metrics in jax.device_get(self._metrics)
    ]
    # A copy: steps are added while a checkpoint is written in the background.
    return list(self._metrics)

  @contextlib.contextmanager
  def waiting(self):
    """Counts the time of a block as waiting for data."""
    started = time.monotonic()
    yield
    self._seconds_waited += time.monotonic() - started

  @contextlib.contextmanager
  def paused(self):
    """Excludes the time of a block from the speed."""
    if self._metrics:
      jax.block_until_ready(self._metrics[-1])
    started = time.monotonic()
    yield
    self._seconds_paused += time.monotonic() - started

  def take(self) -> dict[str, float]:
    """Returns the means by name and resets the meter.

    Skipped steps are excluded from the means and counted in `skipped_steps`; if
    all steps were skipped, there are no means. Adds `images_per_second`, of all
    devices together, and `seconds_waited_for_data` since the last report.
    """
    metrics = self.window()
    learned = [m for m in metrics if not m[step_lib.SKIPPED]]
    # Not every step has every metric: the baselines' networks take turns.
    means = {
      name: float(np.mean(np.float32([m[name] for m in learned if name in m])))
      for name in dict.fromkeys(name for m in learned for name in m)
    }
    means[step_lib.SKIPPED] = float(len(metrics) - len(learned))
    seconds = time.monotonic() - self._started - self._seconds_paused
    timed = len(metrics) - self._untimed
    means["images_per_second"] = timed * self._batch_size / seconds
    means["seconds_waited_for_data"] = self._seconds_waited
    self._reset()
    return means

  def _reset(self):
    self._metrics = []
    self._untimed = 0
    self._seconds_waited = 0.0
    self._seconds_paused = 0.0
    self._started = time.monotonic()
