"""The command line of all programs: flags, help and one-line errors.

A user's mistake ends a program with one line on stderr and exit code 2.
"""

import difflib
import re
import sys
import textwrap
from collections.abc import Callable, Sequence

from absl import flags
from ml_collections import config_flags

from gatedinpaint_jax import errors

# An argument in a message of `errors.UserError`, not part of a file's name.
_ARGUMENT = re.compile(r"(?<![\w/.-])`([a-z_]+)`(?![\w/.-]\w)")
MISTAKE = 2
INTERRUPTED = 130
# Raised by loading a config with overrides: a mistyped key is an AttributeError
# or a KeyError, a missing file an OSError.
_CONFIG_ERRORS = (
  AttributeError,
  ImportError,
  KeyError,
  OSError,
  SyntaxError,
  TypeError,
)


class Flags(flags.FlagValues):
  """The flags of one program; every method defines one."""

  def config_file(self, argv: Sequence[str], text: str) -> None:
    """`--config`, and its overrides found in `argv`."""
    config_flags.DEFINE_config_file(
      "config",
      None,
      text,
      flag_values=self,
      sys_argv=list(argv),
      lock_config=True,
    )

  def text(self, name: str, text: str) -> None:
    """A text, by default None."""
    flags.DEFINE_string(name, None, text, flag_values=self)

  def several(self, name: str, text: str) -> None:
    """Texts, because it may be given several times."""
    flags.DEFINE_multi_string(name, [], text, flag_values=self)

  def switch(self, name: str, text: str) -> None:
    """A bool, by default False."""
    flags.DEFINE_bool(name, False, text, flag_values=self)

  def integer(self, name: str, default, text: str, **bounds) -> None:
    """An integer, at least `lower_bound`."""
    flags.DEFINE_integer(name, default, text, flag_values=self, **bounds)

  def number(self, name: str, text: str) -> None:
    """A number, by default None."""
    flags.DEFINE_float(name, None, text, flag_values=self)

  def choice(self, name: str, default, choices, text: str) -> None:
    """One of several texts."""
    flags.DEFINE_enum(name, default, choices, text, flag_values=self)


def run(main: Callable[[Sequence[str]], int]) -> None:
  """Exits with the code that `main(sys.argv)` returns.

  A UserError becomes one line and exit code 2.
  """
  for stream in (sys.stdout, sys.stderr):
    # File names need not be valid Unicode.
    stream.reconfigure(errors="backslashreplace")
  try:
    code = main(sys.argv)
  except errors.UserError as error:
    code = fail(error)
  except BrokenPipeError:
    code = INTERRUPTED  # the reader of our output has closed the pipe
  except OSError as error:
    if error.filename is None:
      raise
    # A path that no check covered; the error names it.
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
  """Parses the flags that one program has defined, and returns them.

  `--help` prints `doc` above the flags, and exits with code 0.
  """
  modules = values.flags_by_module_dict().values()
  defined = [flag for module_flags in modules for flag in module_flags]
  flags.DEFINE_bool(
    "help", False, "Show this help and exit.", flag_values=values
  )
  rest = _parse_values(values, argv)
  if values.help:
    print(f"{doc.strip()}\n\n{_list_flags(defined)}")
    sys.exit(0)
  if len(rest) > 1:
    raise errors.UserError(
      f"{rest[1]!r} is not a flag; flags begin with --, and a file pattern"
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
  """Parses `argv` and returns the arguments that are not flags."""
  try:
    rest = values(argv)
    if "config" in values and values.config is not None:
      # The config file is loaded, and may fail, only when it is used.
      values.config.to_dict()
  except flags.UnrecognizedFlagError as error:
    raise errors.UserError(suggest(error.flagname, values)) from error
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


def suggest(unknown: str, values: flags.FlagValues) -> str:
  """Returns the error for an unknown flag, with the nearest known one."""
  name, dot, key = unknown.partition(".")
  nearest = difflib.get_close_matches(name, list(values), n=1)
  hint = f"; did you mean --{nearest[0]}{dot}{key}?" if nearest else ""
  return f"unknown flag --{unknown}{hint}"


def fail(error) -> int:
  """Prints an error on one line and returns the exit code for mistakes."""
  line = " ".join(str(error).replace("\\n", " ").replace("\\'", "'").split())
  print(f"error: {with_flags(line)}", file=sys.stderr)
  return MISTAKE


def with_flags(text: str) -> str:
  """Returns a library's message with each quoted `argument` as --argument."""
  return _ARGUMENT.sub(r"--\1", text)


def _list_flags(defined) -> str:
  paragraphs = []
  for flag in defined:
    name = f"[no]{flag.name}" if flag.boolean else flag.name
    is_unset = flag.default in (None, False, [])
    default = "" if is_unset else f" (default: {flag.default})"
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
  """Returns a flag's help without the lines that absl appends."""
  return flag.help.partition(";\n")[0]
