"""What a run tells: TensorBoard events, a line on the terminal, strips as PNG.

The one module that imports clu, whose writers load TensorFlow. Without it a run
still works: its numbers go to `WORKDIR/metrics.jsonl`, and there is nothing for
TensorBoard.
"""

import json
import pathlib
import time

import tqdm
from absl import logging
from PIL import Image

from gatedinpaint_jax import files, terminal
from gatedinpaint_jax.training import live_line
from gatedinpaint_jax.training import state as state_lib

# What of the extra `train` writes for TensorBoard.
_OF_TRAIN = ("clu", "tensorboard", "tensorflow")

try:
  with terminal.quiet_tensorflow():
    from clu import metric_writers, parameter_overview, periodic_actions
    from tensorboard.compat.proto import event_pb2
    from tensorboard.summary.writer import event_file_writer
except ImportError as error:
  if (error.name or "").partition(".")[0] not in _OF_TRAIN:
    raise
  metric_writers = None

STRIPS = "strips"


class RunLog:
  """Writes what happens in a run; silent in all processes but the first."""

  def __init__(
    self,
    workdir,
    *,
    first_step: int,
    steps: int,
    batch_size: int,
    profile: bool,
    is_first: bool,
  ):
    """Opens the writers.

    Args:
      workdir: folder of the run; it and its `strips/` exist.
      first_step: the step that the run begins after; see `supersede`.
      steps: of the whole run, for the remaining time.
      batch_size: pictures per step over all devices.
      profile: whether to write profiles for TensorBoard, at step 10 and then
        once an hour.
      is_first: whether this is the process that writes.
    """
    self._workdir = pathlib.Path(workdir)
    self._steps = steps
    self._batch_size = batch_size
    self._profile = profile
    self._is_first = is_first
    self._writer = _Nothing()
    self._profiler = self._live = None
    self.supersede(first_step)

  def supersede(self, step: int) -> None:
    """Makes what is written from now on replace what was told after `step`."""
    self.close()
    self._live = live_line.LiveLine(
      steps=self._steps, batch_size=self._batch_size, is_first=self._is_first
    )
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
    if self._profile:
      # Anew: clu allows no step back.
      self._profiler = periodic_actions.Profile(logdir=self._workdir)

  def describe(self, config, networks) -> None:
    """Writes the config and the arrays of the networks, at step 0.

    Args:
      config: of the run.
      networks: {name: parameters}.
    """
    texts = {"config": str(config)}
    for name, params in networks.items():
      if self._is_first:
        count = state_lib.count_parameters(params)
        logging.info("%s: %s parameters", name, f"{count:,}")
      if metric_writers is not None:
        texts[name] = parameter_overview.get_parameter_overview(
          params, include_stats=False
        )
    self._writer.write_texts(
      0, {name: f"```\n{text}\n```" for name, text in texts.items()}
    )

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

  def report(self, step: int, scalars: dict[str, float]) -> None:
    """Prints numbers of the training on a line, unless a live line has them.

    Args:
      step: of the report.
      scalars: by name; `images_per_second` tells the remaining time.
    """
    if self._live.is_shown:
      return
    left = ""
    if speed := scalars.get("images_per_second"):
      seconds = (self._steps - step) * self._batch_size / speed
      left = f"  remaining {tqdm.tqdm.format_interval(seconds)}"
    self._print(step, scalars, left)

  def line(self, step: int, scalars: dict[str, float]) -> None:
    """Prints the given numbers on one line."""
    self._print(step, scalars)

  def after_step(self, step: int, read) -> None:
    """Must be called after every step: shows progress, takes profiles.

    Args:
      step: that is done.
      read: returns the newest metrics by name, without waiting for a device.
    """
    self._live.after_step(step, read)
    if self._profiler is not None:
      self._profiler(step)

  def paused(self):
    """Returns a context whose time is left out of the live line's speed."""
    return self._live.paused()

  def close(self) -> None:
    """Waits until everything is written."""
    if self._live is not None:
      self._live.close()
    self._writer.flush()
    self._writer.close()

  def _print(self, step, scalars, end=""):
    if self._is_first:
      numbers = "  ".join(f"{k} {v:.4g}" for k, v in scalars.items())
      logging.info("step %d  %s%s", step, numbers, end)


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
      "the extra 'train' is not installed: numbers go to %s, nothing to "
      "TensorBoard",
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
