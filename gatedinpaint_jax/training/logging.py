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

from gatedinpaint_jax import files

try:
  from clu import metric_writers, periodic_actions
  from tensorboard.compat.proto import event_pb2
  from tensorboard.summary.writer import event_file_writer
except ImportError as error:
  if error.name is None or not error.name.startswith("tensor"):
    raise
  metric_writers = periodic_actions = None

STRIPS = "strips"


class RunLog:
  """Writes what happens in a run; silent in all processes but the first."""

  def __init__(
    self,
    workdir,
    *,
    first_step: int,
    steps: int,
    log_every_steps: int,
    profile: bool,
    is_first: bool,
  ):
    """Opens the writers.

    Args:
      workdir: folder of the run; it and its `strips/` exist.
      first_step: the step that the run begins after; see `supersede`.
      steps: of the whole run, for the remaining time.
      log_every_steps: steps between two lines of progress.
      profile: whether to write profiles for TensorBoard, at step 10 and then
        once an hour.
      is_first: whether this is the process that writes.
    """
    self._workdir = pathlib.Path(workdir)
    self._steps = steps
    self._log_every_steps = log_every_steps
    self._profile = profile
    self._is_first = is_first
    self._writer = _Nothing()
    self.supersede(first_step)

  def supersede(self, step: int) -> None:
    """Makes what is written from now on replace what was told after `step`."""
    self._writer.flush()
    self._writer.close()
    self._hooks, self._progress = self._make_hooks()
    if not self._is_first:
      return
    if metric_writers is None:
      self._writer = _JsonLines(self._workdir / "metrics.jsonl", step)
      return
    _supersede_events(self._workdir, step)
    # A new file: TensorBoard reads them in order and does not turn back.
    self._writer = metric_writers.AsyncMultiWriter(
      [metric_writers.SummaryWriter(str(self._workdir))]
    )

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
      with files.replacing(path) as part:
        Image.fromarray(picture).save(part, format="PNG")
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

  def _make_hooks(self):
    """Returns what is called after each step; clu allows no step back."""
    if not self._is_first or periodic_actions is None:
      return [], None
    # clu writes the rate and the remaining time through absl's log.
    progress = periodic_actions.ReportProgress(
      num_train_steps=self._steps,
      every_steps=self._log_every_steps,
      every_secs=None,
    )
    hooks = [progress]
    if self._profile:
      hooks.append(periodic_actions.Profile(logdir=self._workdir))
    return hooks, progress


def _supersede_events(workdir, step):
  """Tells TensorBoard that a run began anew after `step`."""
  writer = event_file_writer.EventFileWriter(str(workdir))
  writer.add_event(
    event_pb2.Event(
      wall_time=time.time(),
      step=step + 1,
      session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START),
    )
  )
  writer.close()


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

  def __init__(self, path, first_step):
    logging.warning(
      "TensorFlow is not installed: numbers go to %s, nothing to TensorBoard.",
      path,
    )
    kept = []
    if path.exists():
      lines = path.read_text("utf-8").splitlines(keepends=True)
      # The last line may be cut short by a kill.
      whole = [line for line in lines if line.endswith("\n")]
      kept = [line for line in whole if json.loads(line)["step"] <= first_step]
    path.write_text("".join(kept), "utf-8")
    self._file = open(path, "a", encoding="utf-8")  # closed by close

  def write_scalars(self, step, scalars):
    numbers = {name: float(value) for name, value in scalars.items()}
    row = {"step": step, "time": time.time(), **numbers}
    self._file.write(json.dumps(row) + "\n")

  def flush(self):
    self._file.flush()

  def close(self):
    self._file.close()
