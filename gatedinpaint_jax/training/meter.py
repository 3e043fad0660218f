"""Means of the metrics and the speed since the last report."""

import contextlib
import time
from collections.abc import Sequence

import jax
import numpy as np

from gatedinpaint_jax.training import step as step_lib


class Meter:
  """Collects what `RunLog` reports, without making the devices wait.

  Metrics stay on the devices until a report; only the step before the newest
  one is waited for, so that at most two are under way.
  """

  def __init__(
    self, batch_size: int, *, window: Sequence[dict[str, float]] = ()
  ):
    """Starts the clock.

    Args:
      batch_size: pictures per step over all devices.
      window: what `window` returned when the run was saved.
    """
    self._batch_size = batch_size
    self._reset()
    self._metrics = list(window)
    self._untimed = len(self._metrics)

  def add(self, metrics: dict[str, jax.Array]) -> None:
    """Adds the scalars of a step that may still be under way."""
    if self._metrics:
      jax.block_until_ready(self._metrics[-1])
    self._metrics.append(metrics)

  def newest(self) -> dict[str, float]:
    """Returns the numbers of the newest step that is surely done.

    Without waiting; nothing if there was none since the last report.
    """
    # The last one may be under way; `add` has waited for the one before.
    done = self._metrics[-2:-1]
    return {k: float(v) for metrics in done for k, v in metrics.items()}

  def window(self) -> list[dict[str, float]]:
    """Returns the metrics of each step since the last report, as numbers.

    A run that is saved and goes on between two reports makes the same report.
    """
    self._metrics = [
      {name: float(value) for name, value in metrics.items()}
      for metrics in jax.device_get(self._metrics)
    ]
    return self._metrics

  @contextlib.contextmanager
  def waiting(self):
    """Counts the time inside as waiting for data."""
    started = time.monotonic()
    yield
    self._seconds_waited += time.monotonic() - started

  @contextlib.contextmanager
  def paused(self):
    """Leaves the time inside out of the speed."""
    if self._metrics:
      jax.block_until_ready(self._metrics[-1])
    started = time.monotonic()
    yield
    self._seconds_paused += time.monotonic() - started

  def take(self) -> dict[str, float]:
    """Returns the means by name, and starts anew.

    Steps that were skipped are left out of the means, and counted as
    `skipped_steps`; if all were, there are no means. Adds `images_per_second`,
    over all devices, and `seconds_waited_for_data`, the sum since the last
    report.
    """
    metrics = self.window()
    learned = [m for m in metrics if not m[step_lib.SKIPPED]]
    # Not every step makes every number: networks may take turns.
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
