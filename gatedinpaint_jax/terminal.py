"""What a person sees on the terminal: log lines, progress, no start-up noise.

Everything goes to the standard error. Where that is no terminal there are
plain lines only: no bars, no carriage returns.
"""

import contextlib
import logging as std_logging
import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator

import tqdm
from absl import logging

# Of a bar: what it counts, how fast, and what remains.
_BAR = "{desc}{n_fmt}/{total_fmt} |{bar}| {rate_noinv_fmt}, {remaining} left"
# Between two lines of progress in a log file.
_SECONDS_PER_LINE = 30
# TensorFlow's libraries write these when they are loaded, whatever
# TF_CPP_MIN_LOG_LEVEL says.
_NOISE = (b"before absl::InitializeLog()", b"cudart_stub.cc")


def tidy() -> None:
  """Shows our log and other packages' warnings, with the time of day.

  Checkpointing alone would print twenty lines each time.
  """
  logging.set_verbosity(logging.INFO)
  root = std_logging.getLogger()
  for handler in list(root.handlers):
    if handler is logging.get_absl_handler() or isinstance(handler, _Lines):
      root.removeHandler(handler)
  root.addHandler(_Lines())


class _Lines(std_logging.Handler):
  """Writes a line for each record, above the bars that are shown."""

  def __init__(self):
    super().__init__()
    self.setFormatter(std_logging.Formatter("%(asctime)s %(message)s", "%X"))

  def filter(self, record):
    if record.exc_info and "orbax" in record.pathname:
      return False  # its threads' tracebacks; we say in a line what failed
    ours = record.pathname.startswith(str(pathlib.Path(__file__).parent))
    return ours or record.levelno > std_logging.INFO

  def emit(self, record):
    try:
      tqdm.tqdm.write(self.format(record), file=sys.stderr)
    except Exception:
      self.handleError(record)


def is_live() -> bool:
  """Returns whether the standard error is a terminal that can show a bar."""
  # Some pseudo-terminals have no rows, in which tqdm shows nothing.
  return (
    sys.stderr.isatty() and os.get_terminal_size(sys.stderr.fileno()).lines > 0
  )


def bar(iterable: Iterable | None = None, **options) -> tqdm.tqdm:
  """Returns a progress bar in the style of all programs.

  Args:
    iterable: what it counts, if it is not updated by hand.
    **options: of `tqdm.tqdm`, in the place of ours.
  """
  ours = {
    "file": sys.stderr,
    "unit": " pictures",
    "bar_format": _BAR,
    "dynamic_ncols": True,
    "mininterval": 0.5,
    "miniters": 1,
    "disable": not is_live(),
  }
  return tqdm.tqdm(iterable, **(ours | options))


def progress(
  iterable: Iterable, *, total: int, name: str = "", is_shown: bool = True
) -> Iterator:
  """Yields what an iterable yields, one for each picture, and shows how far.

  A bar on a terminal, elsewhere a line every half minute.

  Args:
    iterable: yields something for each picture.
    total: how many pictures there are.
    name: what the pictures are for, where several bars follow one another.
    is_shown: False shows nothing.
  """
  if not is_shown:
    yield from iterable
    return
  label = f"{name}: " if name else ""
  if is_live():
    yield from bar(iterable, total=total, desc=label)
    return
  told = time.monotonic()
  for done, item in enumerate(iterable, start=1):
    yield item
    if time.monotonic() - told > _SECONDS_PER_LINE:
      told = time.monotonic()
      print(f"{label}{done} of {total} pictures", file=sys.stderr, flush=True)


@contextlib.contextmanager
def quiet_tensorflow():
  """Hides what TensorFlow's libraries write while they are imported inside.

  The lines tell which accelerators TensorFlow lacks, but here it only reads
  pictures. All other lines are shown at the end.
  """
  # JAX has set it to 1, unless somebody else had set it before.
  if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1") == "1":
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
  shown = os.dup(2)
  with tempfile.TemporaryFile() as written:
    os.dup2(written.fileno(), 2)
    try:
      yield
    finally:
      os.dup2(shown, 2)
      os.close(shown)
      written.seek(0)
      for line in written:
        if not any(noise in line for noise in _NOISE):
          os.write(2, line)
