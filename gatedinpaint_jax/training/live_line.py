"""The progress line of a run on a terminal: step, speed, time left, losses."""

import contextlib
from collections.abc import Callable, Mapping

import jax

from gatedinpaint_jax import terminal

_FORMAT = "{desc} |{bar}| {rate_noinv_fmt}, {remaining} left{postfix}"
# The losses shown, and short names so that the line fits into 80 columns.
LOSSES = {
  "l1_refined": "l1",
  "l2_refined": "l2",
  "adversarial_loss": "G",
  "discriminator_loss": "D",
}


class LiveLine:
  """Shows the progress of a run on a terminal; does nothing elsewhere."""

  def __init__(self, *, steps: int, batch_size: int):
    """Shows nothing yet; only the first of several processes ever does."""
    self.is_shown = jax.process_index() == 0 and terminal.is_live()
    self._steps = steps
    self._batch_size = batch_size
    self._bar = None

  def after_step(
    self, step: int, read: Callable[[], Mapping[str, float]]
  ) -> None:
    """Moves to a step; calls `read` for the metrics only if it redraws."""
    if not self.is_shown:
      return
    shown = f"step {step}/{self._steps}"
    if self._bar is None:
      # Starts after the first step, whose compilation would count as slow.
      if step < self._steps:
        self._bar = terminal.bar(
          total=self._steps * self._batch_size,
          initial=step * self._batch_size,
          desc=shown,
          bar_format=_FORMAT,
        )
      return
    self._bar.set_description_str(shown, refresh=False)
    if self._bar.update(self._batch_size) and (metrics := read()):
      losses = [
        f"{short} {metrics[name]:.3g}"
        for name, short in LOSSES.items()
        if name in metrics
      ]
      # Appears at the next redraw.
      self._bar.set_postfix_str(", ".join(losses), refresh=False)
    if step >= self._steps:
      self.close()

  @contextlib.contextmanager
  def paused(self):
    """Excludes the time of a block from the speed and the remaining time."""
    yield
    if self._bar is not None:
      self._bar.unpause()

  def close(self) -> None:
    """Leaves the line as it is; later output starts below it."""
    if self._bar is not None:
      self._bar.close()
      self._bar = None
