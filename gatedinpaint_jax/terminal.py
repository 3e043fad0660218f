"""Terminal output: log lines and progress, without start-up noise.

Everything goes to stderr. If that is not a terminal, only plain lines are
written: no bars, no carriage returns.
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

from gatedinpaint_jax import errors

_BAR = "{desc}{n_fmt}/{total_fmt} |{bar}| {rate_noinv_fmt}, {remaining} left"
# Interval of progress lines in a log file.
_SECONDS_PER_LINE = 30
# TensorFlow's libraries print these when loaded, regardless of
# TF_CPP_MIN_LOG_LEVEL.
_NOISE = (b"before absl::InitializeLog()", b" cudart_stub.cc:", b" port.cc:")


def tidy() -> None:
  """Logs this package's messages, and only warnings of other packages.

  Orbax alone would print twenty lines per checkpoint.
  """
  logging.set_verbosity(logging.INFO)
  root = std_logging.getLogger()
  for handler in list(root.handlers):
    # absl adds a plain handler if a package logs while it is imported.
    is_plain = type(handler) is std_logging.StreamHandler
    if is_plain or isinstance(handler, (logging.ABSLHandler, _Lines)):
      root.removeHandler(handler)
  root.addHandler(_Lines())


class _Lines(std_logging.Handler):
  """Writes a line for each record, above any progress bar."""

  def __init__(self):
    super().__init__()
    self.setFormatter(std_logging.Formatter("%(asctime)s %(message)s", "%X"))

  def filter(self, record):
    if record.exc_info and "orbax" in record.pathname:
      return False  # tracebacks of its threads; we report these in one line
    ours = record.pathname.startswith(str(pathlib.Path(__file__).parent))
    return ours or record.levelno > std_logging.INFO

  def emit(self, record):
    try:
      tqdm.tqdm.write(self.format(record), file=sys.stderr)
    except Exception:
      self.handleError(record)


def is_live() -> bool:
  """Returns whether stderr is a terminal that can show a bar."""
  # Some pseudo-terminals report 0 rows, and tqdm then shows nothing.
  return (
    sys.stderr.isatty() and os.get_terminal_size(sys.stderr.fileno()).lines > 0
  )


def bar(iterable: Iterable | None = None, **options) -> tqdm.tqdm:
  """Returns a progress bar in the style of all programs.

  Options are those of `tqdm.tqdm`. Without an iterable, it is updated by hand.
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
  """Yields from an iterable of one item per picture, showing the progress.

  Shows a bar on a terminal, elsewhere a line every half minute. `name` tells
  consecutive bars apart.
  """
  if not is_shown:
    yield from iterable
    return
  label = f"{name}: " if name else ""
  if is_live():
    yield from bar(iterable, total=total, desc=label)
    return
  last = time.monotonic()
  for done, item in enumerate(iterable, start=1):
    yield item
    if time.monotonic() - last > _SECONDS_PER_LINE:
      last = time.monotonic()
      print(f"{label}{done} of {total} pictures", file=sys.stderr, flush=True)


@contextlib.contextmanager
def quiet_tensorflow():
  """Hides the noise of TensorFlow's libraries while they are imported inside.

  The hidden lines are about accelerators, which TensorFlow does not use here.
  All other lines are shown at the end.

  Raises:
    UserError: if there is no folder for temporary files, which TensorFlow's
      libraries need as well.
  """
  # 1 is the value that JAX sets; any other one is an explicit choice.
  if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1") == "1":
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
  if os.path.expanduser("~") == "~":
    # Without a home, Keras would make a folder "~" in the current one.
    os.environ.setdefault("KERAS_HOME", os.devnull)
  try:
    written = tempfile.TemporaryFile()
  except OSError as error:
    raise errors.UserError(
      "no folder for temporary files can be written; name one in TMPDIR"
    ) from error
  shown = os.dup(2)
  with written:
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
