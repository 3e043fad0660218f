"""Our programs, run in this process with flags by name."""

import pathlib
import sys

import pytest

from gatedinpaint_jax import command_line


def run(program, *arguments, **flags) -> None:
  """Runs a program, which must end with success.

  Args:
    program: the module.
    *arguments: as a shell gives them.
    **flags: values by name.
  """
  argv = [program.__name__, *map(str, arguments), *_arguments(flags)]
  assert program.main(argv) == 0


def refusal(program, flags, monkeypatch, capsys) -> str:
  """Runs a program that must end with one line and exit code 2; returns it.

  All files in and below the current folder must stay as they are.

  Args:
    program: the module.
    flags: values by name, None for a flag that is left out; or arguments as a
      shell gives them.
    monkeypatch: the fixture.
    capsys: likewise.
  """
  before = _contents()
  arguments = _arguments(flags) if isinstance(flags, dict) else flags
  monkeypatch.setattr(sys, "argv", [program.__name__, *arguments])
  with pytest.raises(SystemExit) as exit_:
    command_line.run(program.main)
  assert exit_.value.code == 2
  printed = capsys.readouterr().err.strip()
  assert printed.startswith("error: ") and "\n" not in printed
  assert _contents() == before
  return printed


def _arguments(flags):
  return [f"--{k}={value}" for k, value in flags.items() if value is not None]


def _contents():
  paths = pathlib.Path().rglob("*")
  return {path: path.is_file() and path.read_bytes() for path in paths}
