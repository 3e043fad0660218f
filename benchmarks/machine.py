"""The line of JSON that tells a result, and what it was measured on."""

import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
import sys
from collections.abc import Sequence


def report(benchmark: str, result: dict, packages: Sequence[str]) -> None:
  """Prints the line of a benchmark that computed with these packages."""
  line = {"benchmark": benchmark} | result | describe(packages)
  print(json.dumps(line))


def describe(packages: Sequence[str]) -> dict:
  """Returns the processor, its cores in use, versions, commit and command.

  Args:
    packages: names of the installed packages whose versions matter.
  """
  versions = {name: importlib.metadata.version(name) for name in packages}
  return {
    "device": _processor(),
    "cores": len(os.sched_getaffinity(0)),
    "versions": {"python": platform.python_version()} | versions,
    "commit": _commit(),
    "command": sys.argv,
  }


def _processor() -> str:
  """Returns the processor's name, as Linux tells it."""
  for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
    if line.startswith("model name"):
      return line.partition(":")[2].strip()
  return platform.machine()  # Arm processors have no name there


def _commit() -> str | None:
  """Returns the commit of the checkout, None outside of one."""
  answer = subprocess.run(
    ["git", "describe", "--always", "--dirty"],
    cwd=pathlib.Path(__file__).parent,
    capture_output=True,
    text=True,
  )
  return answer.stdout.strip() or None
