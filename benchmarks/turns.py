"""Programs that take turns, so that whatever else the machine does hits all.

Each is a process of its own that prints one line of JSON when it is ready, and
then answers each line on its stdin with one; `answer` is their half of this.
"""

import contextlib
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import machine
import medians

# The first turns compile, fault in memory and choose algorithms.
WARM_UP = 2
# The exit code of a program that has told a person's mistake in one line.
_MISTAKE = 2


class Turn(NamedTuple):
  """What a turn took.

  Attributes:
    seconds: on the clock.
    processor_seconds: of all threads of the process.
    peak_bytes: of memory that the process held at once since it began.
  """

  seconds: float
  processor_seconds: float
  peak_bytes: int


class EndedEarly(SystemExit):
  """A program ended before it had answered; it has told why on stderr."""


class Program:
  """A process that takes turns, to be closed by `with`.

  Attributes:
    versions: of its packages, by name.
    gpu: the name of what it computes on, None for the processor.
    peak_bytes: of memory that it held at once until it was ready.
  """

  def __init__(self, command: Sequence[str]):
    """Starts it and waits until it is ready."""
    self._process = subprocess.Popen(
      command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    ready = json.loads(self._read())
    self.versions, self.gpu = ready["versions"], ready["gpu"]
    self.peak_bytes = ready["peak_bytes"]

  def __enter__(self):
    """Returns this program."""
    return self

  def __exit__(self, kind, error, traceback):
    """Ends the process, after an error at once."""
    if kind:
      self._process.kill()
    # Nobody reads what a process that has ended left in the pipe.
    with contextlib.suppress(BrokenPipeError):
      self._process.stdin.close()
    self._process.wait()

  def take(self) -> Turn:
    """Asks for a turn.

    Raises:
      EndedEarly: if the process has ended instead.
    """
    with contextlib.suppress(BrokenPipeError):
      self._process.stdin.write("\n")
      self._process.stdin.flush()
    return Turn(*json.loads(self._read()))

  def _read(self) -> str:
    line = self._process.stdout.readline()
    if line:
      return line
    if self._process.wait() == _MISTAKE:
      raise EndedEarly(_MISTAKE)
    print(f"{self._process.args[1]} ended early, see above", file=sys.stderr)
    raise EndedEarly(1)


def measure(
  commands: Mapping[str, Sequence[str]], *, repeats: int, images: int
) -> dict:
  """Returns the seconds of each, and what they were measured on.

  With several commands there are also the ratios of the first to each other:
  that of the medians, and the least and greatest of turns that followed each
  other.

  Args:
    commands: by name.
    repeats: turns of each that count, 1 or more.
    images: pictures of a turn.
  """
  told = machine.describe([])
  with contextlib.ExitStack() as running:
    programs = {
      name: running.enter_context(Program(command))
      for name, command in commands.items()
    }
    turns = {name: [] for name in programs}
    for _ in range(WARM_UP + repeats):
      for name, program in programs.items():
        turns[name].append(program.take())
  for program in programs.values():
    told["versions"] |= program.versions
    if program.gpu:
      told["gpu"] = program.gpu
  counted = {name: taken[WARM_UP:] for name, taken in turns.items()}
  return _summary(counted, images) | told


def answer(
  turn: Callable[[], object],
  versions: dict[str, str],
  *,
  gpu: str | None = None,
) -> None:
  """Takes a turn for each line on stdin, until there are no more.

  Args:
    turn: returns when all is computed.
    versions: of the packages that compute, by name.
    gpu: the name of what they compute on, None for the processor.
  """
  ready = {"versions": versions, "gpu": gpu, "peak_bytes": _peak_bytes()}
  print(json.dumps(ready), flush=True)
  for _ in sys.stdin:
    clock, processor = time.perf_counter(), time.process_time()
    turn()
    taken = Turn(
      time.perf_counter() - clock,
      time.process_time() - processor,
      _peak_bytes(),
    )
    print(json.dumps(taken), flush=True)


def _peak_bytes() -> int:
  # Linux counts kilobytes. A process begins with the peak of the one that
  # started it, so that one should be small.
  return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _summary(turns, images) -> dict:
  """Returns seconds and ratios; `turns` has a list for each program."""
  result = {
    f"{name}_images_per_second": medians.summarize(
      [images / turn.seconds for turn in taken]
    )
    for name, taken in turns.items()
  }
  for prefix, field in (("", "seconds"), ("processor_", "processor_seconds")):
    times = {
      name: [getattr(turn, field) for turn in taken]
      for name, taken in turns.items()
    }
    first, *others = times
    for name, values in times.items():
      result[f"{prefix}{name}_seconds"] = medians.summarize(values)
    for other in others:
      result[f"{prefix}{first}/{other}"] = _ratio(times[first], times[other])
  return result


def _ratio(seconds, others) -> dict:
  ratios = [a / b for a, b in zip(seconds, others, strict=True)]
  values = {
    "of_medians": statistics.median(seconds) / statistics.median(others),
    "least": min(ratios),
    "greatest": max(ratios),
  }
  return {name: round(value, 3) for name, value in values.items()}
