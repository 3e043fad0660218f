"""Tells a run that it shall end: its machine goes away, or a person says so."""

import contextlib
import signal
import threading

import jax
from absl import logging
from jax.experimental import multihost_utils

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Preemption:
  """Whether the run shall save and end; asked after every step."""

  def __init__(self):
    """Nothing has been asked for yet."""
    self._reason = None
    self._asked = 0

  @property
  def reason(self) -> str:
    """What asked for the end, for the log."""
    return self._reason or "the cluster"

  def request(self, number, _frame) -> None:
    """Handles a signal; a second one interrupts at once."""
    self._reason = signal.Signals(number).name
    signal.signal(number, signal.default_int_handler)
    logging.info("%s: stopping after this step", self._reason)

  def is_due(self) -> bool:
    """Returns whether to end after this step; the same in all processes."""
    if jax.process_count() > 1:
      # Not the number of the step, which falls when a run goes back.
      self._asked += 1
      return multihost_utils.reached_preemption_sync_point(self._asked)
    return self._reason is not None


@contextlib.contextmanager
def watch():
  """Yields a `Preemption` that SIGTERM and Ctrl-C turn on meanwhile.

  With several processes JAX's preemption service, which handles SIGTERM by
  itself, finds a step that all of them reach.
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
