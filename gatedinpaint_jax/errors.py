"""Errors that users can fix: one line each, without a traceback."""

import contextlib
import importlib.util
import textwrap
from collections.abc import Collection, Iterator
from typing import Any

# What is raised by code that takes content of strangers, such as JSON, for what
# it should be.
NONSENSE = (
  AttributeError,
  LookupError,
  OverflowError,
  RecursionError,
  TypeError,
  ValueError,
)


class UserError(Exception):
  """A mistake of the user, not a bug.

  The message is one line that names the file, config key or argument, says what
  is wrong with it and how to fix it. Libraries quote arguments as `image`;
  programs print them as flags (`command_line.with_flags`) and exit with code 2.
  """

  def __init__(self, message: str):
    super().__init__(printable(message))


class NotInstalledError(UserError):
  """A package is missing; no argument is to blame."""


def printable(text: str) -> str:
  """Escapes control characters: a name of a file may hold a line break."""
  return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def check_choice(key: str, value: Any, allowed: Collection[str]) -> None:
  """Raises UserError, listing the allowed values, if `value` is not one."""
  if value not in allowed:
    raise UserError(f"{key}={value!r}: must be one of {', '.join(allowed)}")


def check_installed(package: str, *, extra: str) -> None:
  """Raises NotInstalledError with the pip command if a package is missing."""
  if importlib.util.find_spec(package) is None:
    raise NotInstalledError(
      f"{package} is not installed; pip install 'gatedinpaint-jax[{extra}]'"
    )


@contextlib.contextmanager
def prefixed(prefix: str) -> Iterator[None]:
  """Prepends a prefix to the message of a UserError raised inside.

  For callers that know which argument a file or value came from. A package that
  is not installed is not the argument's fault, and its message stays.
  """
  try:
    yield
  except NotInstalledError:
    raise
  except UserError as error:
    raise UserError(f"{prefix}{error}") from error


def first_words(error: BaseException) -> str:
  """Returns the first line of another package's error, at most 120 chars."""
  text = (str(error).strip() or type(error).__name__).splitlines()[0]
  return textwrap.shorten(text, 120, placeholder=" ...")
