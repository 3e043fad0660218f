"""Stand-ins for the standard error: a terminal, and a log file."""

import contextlib
import fcntl
import os
import pty
import struct
import sys
import termios
import threading
from unittest import mock

from gatedinpaint_jax import terminal


class Seen:
  """What was written; `text` is complete once the context has ended."""

  text = ""


@contextlib.contextmanager
def terminal_of(*, rows, columns):
  """Puts a pseudo-terminal in the place of the standard error; yields `Seen`.

  `terminal.tidy` holds inside.
  """
  reader, writer = pty.openpty()
  size = struct.pack("HHHH", rows, columns, 0, 0)
  fcntl.ioctl(writer, termios.TIOCSWINSZ, size)
  seen = Seen()

  def read():
    # Linux ends the reading end with an error when nobody can write any more.
    with contextlib.suppress(OSError):
      while data := os.read(reader, 4096):
        seen.text += data.decode()

  thread = threading.Thread(target=read)
  thread.start()
  try:
    with open(writer, "w", encoding="utf-8") as file:
      with mock.patch.object(sys, "stderr", file):
        terminal.tidy()
        yield seen
  finally:
    thread.join()
    os.close(reader)


@contextlib.contextmanager
def log_file(path):
  """Puts a file in the place of the standard error; yields `Seen`."""
  seen = Seen()
  with open(path, "w", encoding="utf-8") as file:
    with mock.patch.object(sys, "stderr", file):
      terminal.tidy()
      yield seen
  seen.text = path.read_text("utf-8")
