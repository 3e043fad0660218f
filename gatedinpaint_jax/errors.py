"""What a person can put right, told in one line and without a traceback."""

import contextlib
import importlib.util
import textwrap
from collections.abc import Collection, Iterator
from typing import Any


class UserError(Exception):
  """A mistake of the person who runs the program, not of the program.

  The message is one line that names the file, key or flag, says what is wrong
  with it and what would be right. Programs print it and end with exit code 2.
  """


def check_choice(key: str, value: Any, allowed: Collection[str]) -> None:
  """Raises UserError, listing what is allowed, if `value` is something else."""
  if value not in allowed:
    raise UserError(f"{key}={value!r}: must be one of {', '.join(allowed)}")


def check_installed(package: str, *, extra: str) -> None:
  """Raises UserError, saying how to get it, if a package is not installed."""
  if importlib.util.find_spec(package) is None:
    raise UserError(
      f"{package} is not installed; pip install 'gatedinpaint-jax[{extra}]'"
    )


@contextlib.contextmanager
def prefixed(prefix: str) -> Iterator[None]:
  """Puts a prefix before the message of a UserError that is raised inside.

  Libraries say which file or value is wrong; programs put their flag before it,
  such as "--output=" before "a.png: cannot be written".
  """
  try:
    yield
  except UserError as error:
    raise UserError(f"{prefix}{error}") from error


def first_words(error: BaseException) -> str:
  """Returns what fits on a line of what other packages say in five."""
  text = (str(error).strip() or type(error).__name__).splitlines()[0]
  return textwrap.shorten(text, 120, placeholder=" ...")
