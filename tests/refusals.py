"""What a program says when a person made a mistake."""

import sys

import pytest

from gatedinpaint_jax import command_line


def refusal(program, flags, monkeypatch, capsys) -> str:
  """Runs a program that must end with one line and exit code 2; returns it.

  Args:
    program: the module.
    flags: values by name.
    monkeypatch: the fixture.
    capsys: likewise.
  """
  arguments = [f"--{name}={value}" for name, value in flags.items()]
  monkeypatch.setattr(sys, "argv", [program.__name__, *arguments])
  with pytest.raises(SystemExit) as exit_:
    command_line.run(program.main)
  assert exit_.value.code == 2
  printed = capsys.readouterr().err.strip()
  assert printed.startswith("error: ") and "\n" not in printed
  return printed
