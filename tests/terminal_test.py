"""What a person sees: on a terminal bars, in a log file plain lines."""

import logging as std_logging
import os
import tempfile

import pytest
import tqdm
from absl import logging

from gatedinpaint_jax import errors, terminal
from gatedinpaint_jax.training import live_line
from tests import processes, standard_error

LOSSES = {"l1_refined": 0.37051, "adversarial_loss": -0.0003, "other": 1.0}


@pytest.fixture
def clock(monkeypatch):
  """The clock of bars; stands still until it is told to move."""
  now = [100.0]
  monkeypatch.setattr(tqdm.std, "time", lambda: now[0])

  def move(seconds):
    now[0] += seconds

  return move


def follow(steps, clock=lambda seconds: None):
  """Follows a run, 8 pictures and 0.2 s a step, and logs in its middle."""
  line = live_line.LiveLine(steps=steps, batch_size=8)
  for step in range(1, steps + 1):
    clock(0.2)
    line.after_step(step, lambda: LOSSES)
    if step == steps // 2:
      logging.warning("a message")
  line.close()


def as_shown(text):
  """Returns what each line of a terminal showed, one after the other."""
  return [shown for shown in text.replace("\n", "\r").split("\r") if shown]


def test_one_line_follows_the_run_on_a_terminal(clock):
  with standard_error.terminal_of(rows=24, columns=90) as seen:
    follow(16, clock)
  shown = as_shown(seen.text)
  assert shown[0].startswith("step 1/16 |")
  assert shown[-1].startswith("step 16/16 |")
  middle = next(s for s in shown if s.startswith("step 10/16 |"))
  assert middle.endswith("| 40.00 pictures/s, 00:01 left, l1 0.371, G -0.0003")
  assert max(map(len, shown)) < 90
  # The message has a line of its own; the bar was wiped before.
  (place,) = (i for i, s in enumerate(shown) if s.endswith(" a message"))
  assert shown[place - 1].isspace()
  # All on one line but for the message and the end.
  assert seen.text.count("\n") == 2


def test_speed_counts_neither_what_is_done_nor_pauses(clock):
  with standard_error.terminal_of(rows=24, columns=200) as seen:
    line = live_line.LiveLine(steps=2000, batch_size=8)
    for step in range(1001, 1010):
      clock(0.5)
      line.after_step(step, dict)
      with line.paused():
        clock(60)
    line.close()
  last = as_shown(seen.text)[-1]
  assert last.startswith("step 1009/2000 |")
  assert last.endswith("| 16.00 pictures/s, 08:15 left")


def test_where_no_bar_can_be_shown_there_are_plain_lines():
  # As in some pseudo-terminals.
  with standard_error.terminal_of(rows=0, columns=80) as seen:
    follow(4)
    for _ in terminal.progress(range(3), total=3):
      pass
  (line,) = seen.text.splitlines()
  assert line.endswith(" a message") and line.count(":") == 2
  assert "\r" not in seen.text.replace("\r\n", "\n")


def test_pictures_are_counted_on_a_terminal_and_in_a_log(tmp_path, monkeypatch):
  monkeypatch.setattr(terminal, "_SECONDS_PER_LINE", 0)
  with standard_error.terminal_of(rows=24, columns=80) as seen:
    assert list(terminal.progress("abc", total=3, name="x")) == ["a", "b", "c"]
  shown = as_shown(seen.text)
  assert shown[0].startswith("x: 0/3 |") and shown[-1].startswith("x: 3/3 |")
  with standard_error.log_file(tmp_path / "log") as seen:
    assert list(terminal.progress("abc", total=3, name="x")) == ["a", "b", "c"]
    assert list(terminal.progress("ab", total=2, is_shown=False)) == ["a", "b"]
  assert seen.text.splitlines() == [f"x: {i} of 3 pictures" for i in (1, 2, 3)]


def test_other_packages_are_heard_when_they_warn(tmp_path):
  with standard_error.log_file(tmp_path / "log") as seen:
    # As absl does if a package logs while it is imported.
    std_logging.getLogger().addHandler(std_logging.StreamHandler())
    terminal.tidy()  # a second time: still one line each
    for file in (terminal.__file__, "/x/other.py"):
      for level in ("INFO", "WARNING"):
        number = std_logging.getLevelName(level)
        message = f"{level} {os.path.basename(file)}"
        logging.get_absl_logger().handle(
          std_logging.LogRecord("absl", number, file, 1, message, (), None)
        )
  assert [line.split(" ", 1)[1] for line in seen.text.splitlines()] == [
    "INFO terminal.py",
    "WARNING terminal.py",
    "WARNING other.py",
  ]


def test_missing_folder_for_temporary_files_is_told(monkeypatch):
  monkeypatch.setattr(tempfile, "tempdir", "/proc")
  quiet = terminal.quiet_tensorflow()
  with pytest.raises(errors.UserError, match="TMPDIR"), quiet:
    pass


def test_noise_of_tensorflow_is_dropped_and_nothing_else(monkeypatch):
  program = """
import os
import tempfile
from gatedinpaint_jax import terminal
with terminal.quiet_tensorflow():
  os.write(2, b"WARNING: All log messages before absl::InitializeLog() is\\n")
  os.write(2, b"I0000 1 cudart_stub.cc:31] Could not find cuda drivers\\n")
  os.write(2, b"I0000 1 port.cc:153] oneDNN custom operations are on.\\n")
  os.write(2, b"I0000 1 import.cc:7] something else\\n")
os.write(2, b"after\\n")
print(os.environ["TF_CPP_MIN_LOG_LEVEL"])
"""
  monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
  for asked, level in (({}, "3"), ({"TF_CPP_MIN_LOG_LEVEL": "0"}, "0")):
    done = processes.run("-c", program, **asked)
    assert done.stderr == "I0000 1 import.cc:7] something else\nafter\n"
    assert done.stdout == f"{level}\n"
