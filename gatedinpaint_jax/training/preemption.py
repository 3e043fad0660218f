"""Asks a run to stop: the machine is preempted, or a person interrupts it."""

import contextlib
import signal
import threading

import jax
from absl import logging
from jax.experimental import multihost_utils

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Preemption:
  """Whether the run should save and stop; checked after every step."""

  def __init__(self):
    """Nothing has been requested yet."""
    self.reason = "the cluster"  # or a signal, which requested the stop
    self._is_requested = False
    self._checks = 0

  def request(self, number, _frame) -> None:
    """Handles a signal; a second one interrupts immediately."""
    self.reason, self._is_requested = signal.Signals(number).name, True
    signal.signal(number, signal.default_int_handler)
    logging.info("%s: stopping after this step", self.reason)

  def is_due(self) -> bool:
    """Returns whether to stop after this step; the same in all processes."""
    if jax.process_count() > 1:
      # Not the step number, which decreases when a run goes back.
      self._checks += 1
      return multihost_utils.reached_preemption_sync_point(self._checks)
    return self._is_requested


@contextlib.contextmanager
def watch():
  """Yields a `Preemption` that SIGTERM and Ctrl-C trigger inside the block.

  With several processes, JAX's preemption service handles SIGTERM and chooses a
  step that all of them reach.
  """
  preemption = Preemption()
  is_main = threading.current_thread() is threading.main_thread()
  if jax.process_count() > 1 or not is_main:
    yield preemption
    return
  before = {s: signal.signal(s, preemption.request) for s in _SIGNALS}
  try:
    yield preemption
  finally:
    for number, handler in before.items():
      signal.signal(number, handler)
