"""Programs that take turns, so that whatever else the machine does hits all.

Each is a process of its own that prints one line of JSON with its versions when
it is ready, and then answers each line on its stdin with one: the seconds on
the clock and those of the processor.
"""

import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

# The first turns compile, fault in memory and choose algorithms.
WARM_UP = 2


def measure(commands: Mapping[str, Sequence[str]], *, repeats: int) -> dict:
  """Returns medians in seconds of each, and versions.

  With several commands there are also the ratios of the first to each other:
  that of the medians, and the least and greatest of turns that followed each
  other.

  Args:
    commands: by name.
    repeats: turns of each that count.
  """
  programs = {
    name: subprocess.Popen(
      command,
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
    )
    for name, command in commands.items()
  }
  versions = {"python": platform.python_version()}
  for program in programs.values():
    versions |= json.loads(_read(program))
  seconds = {name: [] for name in programs}
  for _ in range(WARM_UP + repeats):
    for name, program in programs.items():
      seconds[name].append(_ask(program))
  for program in programs.values():
    program.stdin.close()
    program.wait()
  return _summary(seconds) | {"versions": versions, "command": sys.argv}


def answer(turn: Callable[[], None], versions: dict[str, str]) -> None:
  """Takes a turn for each line on stdin, until there are no more."""
  print(json.dumps(versions), flush=True)
  for _ in sys.stdin:
    clock, processor = time.perf_counter(), time.process_time()
    turn()
    clock = time.perf_counter() - clock
    processor = time.process_time() - processor
    print(clock, processor, flush=True)


def _ask(program) -> tuple[float, float]:
  program.stdin.write("\n")
  program.stdin.flush()
  clock, processor = map(float, _read(program).split())
  return clock, processor


def _read(program) -> str:
  line = program.stdout.readline()
  if not line:
    sys.exit(f"{program.args[1]} ended early; see its message above.")
  return line


def _summary(seconds) -> dict:
  """Returns medians and ratios; `seconds` has pairs per program, by name."""
  result = {}
  for index, prefix in enumerate(("", "processor_")):
    times = {
      name: [pair[index] for pair in pairs[WARM_UP:]]
      for name, pairs in seconds.items()
    }
    first, *others = times
    for name, values in times.items():
      result[f"{prefix}{name}_seconds"] = round(statistics.median(values), 3)
    for other in others:
      ratios = [a / b for a, b in zip(times[first], times[other], strict=True)]
      of_medians = statistics.median(times[first]) / statistics.median(
        times[other]
      )
      result[f"{prefix}{first}/{other}"] = [
        round(x, 3) for x in (of_medians, min(ratios), max(ratios))
      ]
  return result
