"""What a run tells: TensorBoard events, a line on the terminal, strips as PNG.

The one module that imports clu's writers and periodic actions, which load
TensorFlow. Without TensorFlow a run still works: its numbers go to
`WORKDIR/metrics.jsonl`, and there is nothing for TensorBoard.
"""

import contextlib
import json
import pathlib
import time

from absl import logging
from PIL import Image

try:
  from clu import metric_writers, periodic_actions
except ImportError as error:
  if error.name is None or not error.name.startswith("tensor"):
    raise
  metric_writers = periodic_actions = None

STRIPS = "strips"


class RunLog:
  """Writes what happens in a run; silent in all processes but the first."""

  def __init__(
    self, workdir, *, steps: int, log_every_steps: int, profile: bool, is_first
  ):
    """Opens the writers.

    Args:
      workdir: folder of the run; it and its `strips/` exist.
      steps: of the whole run, for the remaining time.
      log_every_steps: steps between two lines of progress.
      profile: whether to write profiles for TensorBoard, at step 10 and then
        once an hour.
      is_first: whether this is the process that writes.
    """
    self._workdir = pathlib.Path(workdir)
    self._is_first = is_first
    self._writer = _open_writer(self._workdir, is_first=is_first)
    self._hooks = []
    self._progress = None
    if is_first and periodic_actions is not None:
      # clu writes the rate and the remaining time through absl's log.
      self._progress = periodic_actions.ReportProgress(
        num_train_steps=steps, every_steps=log_every_steps, every_secs=None
      )
      self._hooks.append(self._progress)
      if profile:
        self._hooks.append(periodic_actions.Profile(logdir=workdir))

  def texts(self, texts: dict[str, str]) -> None:
    """Writes texts, Markdown, at step 0."""
    self._writer.write_texts(0, texts)

  def scalars(self, step: int, scalars: dict[str, float]) -> None:
    """Writes numbers by name."""
    self._writer.write_scalars(step, scalars)

  def strip(self, step: int, picture) -> pathlib.Path:
    """Writes a strip `[H, W, 3] uint8` as event and PNG; returns its path."""
    path = self._workdir / STRIPS / f"step_{step:07d}.png"
    if self._is_first:
      self._writer.write_images(step, {"validation/strip": picture[None]})
      unfinished = path.with_suffix(".part")
      Image.fromarray(picture).save(unfinished, format="PNG")
      unfinished.replace(path)
    return path

  def line(self, step: int, scalars: dict[str, float]) -> None:
    """Prints the given numbers on one line of the terminal."""
    if self._is_first:
      numbers = "  ".join(f"{k} {v:.4g}" for k, v in scalars.items())
      logging.info("step %d  %s", step, numbers)

  def after_step(self, step: int) -> None:
    """Must be called after every step: reports progress, takes profiles."""
    for hook in self._hooks:
      hook(step)

  def timed(self, name: str):
    """Returns a context whose time the progress line counts apart."""
    if self._progress is None:
      return contextlib.nullcontext()
    return self._progress.timed(name, wait_jax_async_dispatch=False)

  def close(self) -> None:
    """Waits until everything is written."""
    self._writer.flush()
    self._writer.close()


def _open_writer(workdir, *, is_first):
  if not is_first:
    return _Nothing()
  if metric_writers is None:
    path = workdir / "metrics.jsonl"
    logging.warning(
      "TensorFlow is not installed: numbers go to %s, nothing to TensorBoard.",
      path,
    )
    return _JsonLines(path)
  return metric_writers.AsyncMultiWriter(
    [metric_writers.SummaryWriter(str(workdir))]
  )


class _Nothing:
  """The writer of a process that does not write."""

  def write_scalars(self, step, scalars):
    del step, scalars

  def write_texts(self, step, texts):
    del step, texts

  def write_images(self, step, images):
    del step, images

  def flush(self):
    """Has nothing to flush."""

  def close(self):
    """Has nothing to close."""


class _JsonLines(_Nothing):
  """One JSON object per call: step, seconds since 1970, and the numbers."""

  def __init__(self, path):
    self._file = open(path, "a", encoding="utf-8")  # closed by close

  def write_scalars(self, step, scalars):
    numbers = {name: float(value) for name, value in scalars.items()}
    row = {"step": step, "time": time.time(), **numbers}
    self._file.write(json.dumps(row) + "\n")

  def flush(self):
    self._file.flush()

  def close(self):
    self._file.close()
