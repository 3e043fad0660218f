"""Output of a training run: TensorBoard events, progress lines, PNG strips.

The only module that imports clu, whose writers load TensorFlow. Without clu, a
run writes its metrics to `WORKDIR/metrics.jsonl` instead.
"""

import dataclasses
import json
import os
import pathlib
import time

import jax
import tqdm
from absl import logging
from PIL import Image

from gatedinpaint_jax import files, terminal
from gatedinpaint_jax.training import live_line
from gatedinpaint_jax.training import state as state_lib

# Packages of the extra `train` that write TensorBoard events.
_EXTRA = ("clu", "tensorboard", "tensorflow")

try:
  with terminal.quiet_tensorflow():
    from clu import metric_writers, parameter_overview, periodic_actions
    from tensorboard.compat.proto import event_pb2
    from tensorboard.summary.writer import event_file_writer
except ImportError as error:
  if (error.name or "").partition(".")[0] not in _EXTRA:
    raise
  metric_writers = None

STRIPS = "strips"


@dataclasses.dataclass
class RunLog:
  """Writes what happens in a run; only the first process writes anything."""

  workdir: pathlib.Path  # must have a folder `strips/`
  first_step: dataclasses.InitVar[int]  # the run starts after it
  steps: int
  batch_size: int
  profile: bool  # for TensorBoard, at step 10 and then once an hour

  def __post_init__(self, first_step):
    self._is_first = jax.process_index() == 0
    self._live = live_line.LiveLine(
      steps=self.steps, batch_size=self.batch_size
    )
    self._open(first_step)

  def restart(self, step: int) -> None:
    """Makes what is logged from now on replace everything after `step`."""
    self.close()
    self._open(step)

  def _open(self, step):
    self._profiler = None
    if not self._is_first:
      self._writer = _JsonLines(os.devnull, step)
    elif metric_writers is None:
      path = self.workdir / "metrics.jsonl"
      logging.warning(
        "the extra 'train' is not installed: metrics go to %s, not to "
        "TensorBoard",
        path,
      )
      self._writer = _JsonLines(path, step)
    else:
      _supersede_events(self.workdir, step)
      # A new file: TensorBoard reads files in order and only once.
      self._writer = metric_writers.AsyncMultiWriter(
        [metric_writers.SummaryWriter(str(self.workdir))]
      )
      if self.profile:
        # A new one: clu rejects steps that decrease.
        self._profiler = periodic_actions.Profile(logdir=self.workdir)

  def write_description(self, config, networks) -> None:
    """Writes the config and the parameter tables of `{name: parameters}`."""
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

  def write_scalars(self, step: int, scalars: dict[str, float]) -> None:
    """Writes scalars for TensorBoard."""
    self._writer.write_scalars(step, scalars)

  def write_strip(self, step: int, picture) -> None:
    """Writes a strip `[H, W, 3] uint8` as an event and as a PNG."""
    if self._is_first:
      self._writer.write_images(step, {"validation/strip": picture[None]})
      with files.replacing(self.strip_path(step)) as part:
        Image.fromarray(picture).save(part, format="PNG")

  def strip_path(self, step: int) -> pathlib.Path:
    """Returns the path of the PNG of a step."""
    return self.workdir / STRIPS / f"step_{step:07d}.png"

  def print_training(self, step: int, scalars: dict[str, float]) -> None:
    """Prints training metrics and the remaining time, unless shown live."""
    if self._live.is_shown:
      return
    remaining = ""
    if speed := scalars.get("images_per_second"):
      seconds = (self.steps - step) * self.batch_size / speed
      remaining = f"  remaining {tqdm.tqdm.format_interval(seconds)}"
    self.print_scalars(step, scalars, end=remaining)

  def print_scalars(
    self, step: int, scalars: dict[str, float], *, end: str = ""
  ) -> None:
    """Prints scalars on one line."""
    if self._is_first:
      values = "  ".join(f"{k} {v:.4g}" for k, v in scalars.items())
      logging.info("step %d  %s%s", step, values, end)

  def after_step(self, step: int, read) -> None:
    """Updates the live line, for which `read` returns metrics, and profiles."""
    self._live.after_step(step, read)
    if self._profiler is not None:
      self._profiler(step)

  def paused(self):
    """Returns a context whose time does not count in the live line's speed."""
    return self._live.paused()

  def close(self) -> None:
    """Waits until everything is written."""
    self._live.close()
    self._writer.flush()
    self._writer.close()


def _supersede_events(workdir, step):
  """Makes TensorBoard discard the events after `step`."""
  writer = event_file_writer.EventFileWriter(str(workdir))
  writer.add_event(
    event_pb2.Event(
      wall_time=time.time(),
      step=step + 1,
      session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START),
    )
  )
  writer.close()


class _JsonLines:
  """Stands in for clu's writers: one JSON object per call of `write_scalars`.

  Each holds the step, the Unix time and the scalars. Texts and images are not
  written.
  """

  def __init__(self, path, first_step):
    kept = []
    if os.path.exists(path):
      lines = pathlib.Path(path).read_text("utf-8").splitlines(keepends=True)
      # The last line may be cut short by a kill.
      complete = (line for line in lines if line.endswith("\n"))
      kept = [x for x in complete if json.loads(x)["step"] <= first_step]
    self._file = open(path, "w", encoding="utf-8")  # closed by close
    self._file.writelines(kept)
    self._file.flush()

  def write_scalars(self, step, scalars):
    values = {name: float(value) for name, value in scalars.items()}
    row = {"step": step, "time": time.time(), **values}
    self._file.write(json.dumps(row) + "\n")

  def write_texts(self, step, texts):
    pass

  write_images = write_texts

  def flush(self):
    self._file.flush()

  def close(self):
    self._file.close()
