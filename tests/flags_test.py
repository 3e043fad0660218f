"""Libraries do not know command lines: only programs name flags."""

import ast
import pathlib
import re

import pytest

import gatedinpaint_jax
from gatedinpaint_jax import command_line, errors

ROOT = pathlib.Path(gatedinpaint_jax.__file__).parent
FLAG = re.compile("--[a-z]")
# These define flags, or parse them.
COMMAND_LINES = ("command_line.py", "evaluate_flags.py")
# Of git.
OTHERS_FLAGS = ("--always", "--dirty", "--abbrev=40", "--exclude=*")


def is_program(source):
  return '__name__ == "__main__"' in source


def flags_in(source):
  """Returns the strings of a module that name a flag, docstrings included."""
  return [
    node.value
    for node in ast.walk(ast.parse(source))
    if isinstance(node, ast.Constant)
    and isinstance(node.value, str)
    and node.value not in OTHERS_FLAGS
    and FLAG.search(node.value)
  ]


@pytest.mark.parametrize(
  "file", [str(f.relative_to(ROOT)) for f in sorted(ROOT.rglob("*.py"))]
)
def test_no_library_names_a_flag(file):
  source = (ROOT / file).read_text("utf-8")
  if file not in COMMAND_LINES and not is_program(source):
    assert flags_in(source) == []


@pytest.mark.parametrize(
  "source", ['"""Uses --mask."""', 'f"--mask={x}: no"', "'give --mask'"]
)
def test_flags_are_found_in_any_string(source):
  assert flags_in(source)


def test_programs_print_quoted_arguments_as_flags(capsys):
  error = errors.UserError("`mask`=a.png: too small; `resize_mask` scales it")
  assert command_line.fail(error) == command_line.MISTAKE
  assert capsys.readouterr().err == (
    "error: --mask=a.png: too small; --resize_mask scales it\n"
  )


def test_names_of_files_are_no_arguments(capsys):
  command_line.fail(errors.UserError("a`mask`b.png: too small; see `mask`"))
  assert capsys.readouterr().err == (
    "error: a`mask`b.png: too small; see --mask\n"
  )
