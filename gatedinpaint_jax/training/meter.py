"""Means of the metrics and the speed since the last report."""

import contextlib
import time

import jax
import numpy as np


class Meter:
  """Collects what `RunLog` reports, without making the devices wait.

  Metrics stay on the devices until a report; only the step before the newest
  one is waited for, so that at most two are under way.
  """

  def __init__(self, batch_size: int):
    """Starts the clock.

    Args:
      batch_size: pictures per step over all devices.
    """
    self._batch_size = batch_size
    self._reset()

  def add(self, metrics: dict[str, jax.Array]) -> None:
    """Adds the scalars of a step that may still be under way."""
    if self._metrics:
      jax.block_until_ready(self._metrics[-1])
    self._metrics.append(metrics)

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

    Adds `images_per_second`, over all devices, and `seconds_waited_for_data`,
    the sum since the last report.
    """
    metrics = jax.device_get(self._metrics)
    means = {
      name: float(np.mean([m[name] for m in metrics])) for name in metrics[0]
    }
    seconds = time.monotonic() - self._started - self._seconds_paused
    means["images_per_second"] = len(metrics) * self._batch_size / seconds
    means["seconds_waited_for_data"] = self._seconds_waited
    self._reset()
    return means

  def _reset(self):
    self._metrics = []
    self._seconds_waited = 0.0
    self._seconds_paused = 0.0
    self._started = time.monotonic()
