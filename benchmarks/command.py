"""What the benchmarks share at the command line.

Flags check their own values. A mistake is one line on the standard error that
names the flag and what would be right, and exit code 2.
"""

import functools
import os
from collections.abc import Callable, Sequence

from absl import app, flags

from gatedinpaint_jax import command_line, errors

# Else `--help` would list the flags of a benchmark as those of this file.
flags.disclaim_key_flags()

_USABLE = sorted(os.sched_getaffinity(0))
_CORES = f"of the cores that there are to use: {','.join(map(str, _USABLE))}"


def run(main: Callable, *, required: Sequence[str] = ()) -> None:
  """Reads the flags of this process, runs `main` and exits.

  Args:
    main: takes the arguments, as of `absl.app.run`.
    required: flags that must be given.
  """
  command_line.run(functools.partial(_run, main, required))


def whole(name: str, default: int, told: str, *, least: int = 1):
  """Defines a flag for a whole number from `least` up."""
  read = lambda text: _checked(int(text), lambda value: value >= least)
  return _define(name, default, told, read, f"a whole number from {least} up")


def above_zero(name: str, told: str):
  """Defines a flag for a number above 0, None by default."""
  read = lambda text: _checked(float(text), lambda value: value > 0)
  return _define(name, None, told, read, "a number above 0")


def side(name: str, default: int, told: str):
  """Defines a flag for a side of pictures that the networks take."""
  return _define(name, default, told, _read_side, "a multiple of 8")


def sides(name: str, default: Sequence[int], told: str):
  """Defines a flag for several sides with commas between."""
  read = _each(_read_side)
  return _define(name, default, told, read, "multiples of 8, commas between")


def names(name: str, default: Sequence[str], allowed: Sequence[str], told: str):
  """Defines a flag for several of the allowed names with commas between."""
  read = _each(lambda text: _checked(text, allowed.__contains__))
  return _define(name, default, told, read, f"some of {','.join(allowed)}")


def cores(name: str, told: str):
  """Defines a flag for cores of the processor; see `use_cores`."""
  return _define(name, None, told, _each(_read_core), f"some {_CORES}")


def core(name: str, told: str):
  """Defines a flag for one core; see `use_core`."""
  return _define(name, None, told, _read_core, f"one {_CORES}")


def use_cores(numbers: Sequence[int] | None) -> None:
  """Keeps this process and those that it starts on these cores, None for all.

  To be called before a backend starts its threads.
  """
  if numbers is not None:
    os.sched_setaffinity(0, numbers)


def use_core(number: int | None) -> None:
  """Does the same for one core, None for the first."""
  use_cores([min(_USABLE) if number is None else number])


class _Parser(flags.ArgumentParser):
  """Reads the text of a flag, and says what it must be if it is not."""

  def __init__(self, read, wanted):
    self._read, self._wanted = read, wanted

  def parse(self, argument):
    """Returns the value; a default is one already."""
    if not isinstance(argument, str):
      return argument
    try:
      return self._read(argument)
    except ValueError as error:
      raise ValueError(f"must be {self._wanted}") from error


def _define(name, default, told, read, wanted):
  return flags.DEFINE(_Parser(read, wanted), name, default, told)


def _each(read):
  return lambda text: [read(word) for word in text.split(",")]


def _checked(value, is_right):
  if not is_right(value):
    raise ValueError
  return value


def _read_core(text):
  return _checked(int(text), _USABLE.__contains__)


def _read_side(text):
  return _checked(int(text), lambda side: side > 0 and side % 8 == 0)


def _run(main, required, argv):
  app.define_help_flags()
  try:
    _, *rest = flags.FLAGS(argv)
  except flags.UnrecognizedFlagError as error:
    raise errors.UserError(
      command_line.suggest(error.flagname, flags.FLAGS)
    ) from error
  except flags.Error as error:
    raise errors.UserError(error) from error
  if rest:
    raise errors.UserError(f"{rest[0]!r} is no flag; flags begin with --")
  for name in required:
    if not flags.FLAGS[name].value:
      # absl adds lines of its own to what a flag is for.
      told = flags.FLAGS[name].help.partition(";\n")[0]
      raise errors.UserError(f"--{name} is missing: {told}")
  return main(argv)
