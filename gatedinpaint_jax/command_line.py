"""What the programs share at the command line: flags, help, one-line errors.

A person's mistake ends a program with one line on the standard error and exit
code 2.
"""

import difflib
import functools
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import NamedTuple

from absl import flags
from ml_collections import config_flags

from gatedinpaint_jax import errors

MISTAKE = 2
INTERRUPTED = 130
# Of loading a config and its overrides: a mistyped key is an AttributeError or
# a KeyError, a missing file an OSError.
_CONFIG_ERRORS = (
  AttributeError,
  ImportError,
  KeyError,
  OSError,
  SyntaxError,
  TypeError,
)


class Definers(NamedTuple):
  """What defines the flags of one program, by the kind of their values.

  Each takes what absl's function takes: a name, a default, what `--help` says
  and whatever else. Only `choice` takes the names it allows before the help.

  Attributes:
    text: any text.
    several: texts, of a flag that may be given several times.
    whole: a whole number.
    switch: true or false.
    choice: one of some names.
  """

  text: Callable
  several: Callable
  whole: Callable
  switch: Callable
  choice: Callable


def definers(values: flags.FlagValues) -> Definers:
  """Returns what defines flags in `values`."""
  return Definers(
    *(
      # Partial: absl files a flag under the module that calls it.
      functools.partial(define, flag_values=values)
      for define in (
        flags.DEFINE_string,
        flags.DEFINE_multi_string,
        flags.DEFINE_integer,
        flags.DEFINE_bool,
        flags.DEFINE_enum,
      )
    )
  )


def define_config(
  values: flags.FlagValues, argv: Sequence[str], text: str
) -> None:
  """Defines `--config` and its overrides `--config.key=value`.

  Args:
    values: the flags, without this one.
    argv: arguments, in which overrides are looked for.
    text: what `--help` prints.
  """
  config_flags.DEFINE_config_file(
    "config",
    None,
    text,
    flag_values=values,
    sys_argv=list(argv),
    lock_config=True,
  )


def run(main: Callable[[Sequence[str]], int]) -> None:
  """Runs a program on the arguments of this process, and exits with its code.

  Args:
    main: takes the arguments, the program's name first, and returns the exit
      code. UserError becomes one line and exit code 2.
  """
  for stream in (sys.stdout, sys.stderr):
    # Not every name of a file is text.
    stream.reconfigure(errors="backslashreplace")
  try:
    code = main(sys.argv)
  except errors.UserError as error:
    code = fail(error)
  except BrokenPipeError:
    code = INTERRUPTED  # whoever read our output has gone
  except OSError as error:
    if error.filename is None:
      raise
    # A place that nobody looked at before: it names itself.
    code = fail(f"{error.filename}: {error.strerror}")
  except KeyboardInterrupt:
    code = INTERRUPTED
  sys.exit(code)


def parse(
  values: flags.FlagValues,
  argv: Sequence[str],
  *,
  doc: str,
  required: Sequence[str] = (),
) -> flags.FlagValues:
  """Parses the flags of one program and returns them.

  Args:
    values: the flags, defined and not yet parsed.
    argv: arguments, the program's name first.
    doc: what `--help` prints above the flags; `--help` exits with code 0.
    required: flags that must be given.

  Raises:
    UserError: for anything that is no flag of this program or no value of it.
  """
  modules = values.flags_by_module_dict().values()
  defined = [flag for flags_of_one in modules for flag in flags_of_one]
  flags.DEFINE_bool("help", False, "Show this and exit.", flag_values=values)
  rest = _parse_values(values, argv)
  if values.help:
    print(f"{doc.strip()}\n\n{_list_flags(defined)}")
    sys.exit(0)
  if len(rest) > 1:
    raise errors.UserError(
      f"{rest[1]!r} is no flag; flags begin with --, and a pattern of names"
      " needs quotes"
    )
  for name in values:
    value = values[name].value
    if value == "" or (isinstance(value, list) and "" in value):
      raise errors.UserError(f"--{name} is empty: {_own_help(values[name])}")
  for name in required:
    if not values[name].value:
      raise errors.UserError(f"--{name} is missing: {_own_help(values[name])}")
  return values


def _parse_values(values, argv) -> list[str]:
  """Gives the flags their values and returns the words that are no flags."""
  try:
    rest = values(argv)
    if "config" in values and values.config is not None:
      # A file that does not load says so only when it is used.
      values.config.to_dict()
  except flags.UnrecognizedFlagError as error:
    raise errors.UserError(_name_the_nearest(error.flagname, values)) from error
  except flags.Error as error:
    raise errors.UserError(str(error)) from error
  except ModuleNotFoundError as error:
    raise errors.UserError(
      f"{error}; run from the folder that holds configs/"
    ) from error
  except _CONFIG_ERRORS as error:
    if "config" not in values:
      raise
    text = error.args[0] if isinstance(error, KeyError) else error
    raise errors.UserError(str(text)) from error
  return rest


def _name_the_nearest(unknown: str, values: flags.FlagValues) -> str:
  """Returns what to say of a flag that does not exist, dotted or not."""
  name, dot, key = unknown.partition(".")
  nearest = difflib.get_close_matches(name, list(values), n=1)
  hint = f"; did you mean --{nearest[0]}{dot}{key}?" if nearest else ""
  return f"unknown flag --{unknown}{hint}"


def fail(error) -> int:
  """Prints an error on one line; returns the exit code of a mistake."""
  text = error.args[0] if isinstance(error, KeyError) else error
  line = " ".join(str(text).replace("\\n", " ").replace("\\'", "'").split())
  print(f"error: {line}", file=sys.stderr)
  return MISTAKE


def _list_flags(defined) -> str:
  """Returns one paragraph for each flag, in the order of their definition."""
  paragraphs = []
  for flag in defined:
    name = f"[no]{flag.name}" if flag.boolean else flag.name
    unset = flag.default in (None, False, [])
    default = "" if unset else f" (default: {flag.default})"
    paragraphs.append(
      textwrap.fill(
        f"--{name}  {_own_help(flag)}{default}",
        width=80,
        initial_indent="  ",
        subsequent_indent="      ",
      )
    )
  return "\n".join(paragraphs)


def _own_help(flag) -> str:
  """Returns the help of a flag without what absl adds to it."""
  return flag.help.partition(";\n")[0]
