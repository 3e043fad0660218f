"""The line of a training on a terminal: step, speed, remaining time, losses."""

import contextlib
from collections.abc import Callable, Mapping

from gatedinpaint_jax import terminal

_FORMAT = "{desc} |{bar}| {rate_noinv_fmt}, {remaining} left{postfix}"
# Short names: all of the line has to fit into 80 columns.
_LOSSES = {
  "l1_refined": "l1",
  "l2_refined": "l2",
  "adversarial_loss": "G",
  "discriminator_loss": "D",
}


class LiveLine:
  """Follows a run on a terminal; elsewhere it does nothing.

  Attributes:
    is_shown: whether there is a terminal to show it on.
  """

  def __init__(self, *, steps: int, batch_size: int, is_first: bool):
    """Shows nothing yet.

    Args:
      steps: of the whole run.
      batch_size: pictures per step over all devices.
      is_first: whether this is the process that shows it.
    """
    self.is_shown = is_first and terminal.is_live()
    self._steps = steps
    self._batch_size = batch_size
    self._bar = None

  def after_step(
    self, step: int, read: Callable[[], Mapping[str, float]]
  ) -> None:
    """Moves to a step.

    Args:
      step: that is done.
      read: returns metrics by name; called when they are about to be shown.
    """
    if not self.is_shown:
      return
    if self._bar is None:
      if step < self._steps:
        self._begin(step)
      return
    self._bar.set_description_str(f"step {step}/{self._steps}", refresh=False)
    if self._bar.update(self._batch_size):
      self._show_losses(read())
    if step >= self._steps:
      self.close()

  @contextlib.contextmanager
  def paused(self):
    """Leaves the time inside out of the speed and the remaining time."""
    yield
    if self._bar is not None:
      self._bar.unpause()

  def close(self) -> None:
    """Leaves the line as it is; what is printed next comes below it."""
    if self._bar is not None:
      self._bar.close()
      self._bar = None

  def _begin(self, step):
    # After the first step, which compiles and would count as very slow.
    self._bar = terminal.bar(
      total=self._steps * self._batch_size,
      initial=step * self._batch_size,
      desc=f"step {step}/{self._steps}",
      bar_format=_FORMAT,
    )

  def _show_losses(self, metrics):
    """Sets what the next refresh shows behind the remaining time."""
    shown = [
      f"{short} {metrics[name]:.3g}"
      for name, short in _LOSSES.items()
      if name in metrics
    ]
    if shown:
      self._bar.set_postfix_str(", ".join(shown), refresh=False)
