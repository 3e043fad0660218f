"""Writes files whole or not at all, and finds out early whether it can.

A file is first written next to its place, under a hidden name, and then
renamed. Whoever looks meanwhile, or after a crash, sees the old file or none.
"""

import contextlib
import os
import pathlib
import platform
import tempfile
from collections.abc import Iterator

import psutil

from gatedinpaint_jax import errors

# A name of its own for each process, and short: that of a picture may already
# be as long as a file system allows.
PART_OF_HOST = f".{platform.node() or 'host'}"
PART = f"{PART_OF_HOST}.{os.getpid()}.part"


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Yields where to write a file, which then takes the place of `path`.

  If that fails, `path` is what it was before. A link is replaced itself, not
  what it points to.

  Raises:
    UserError: for an OSError inside the block or while renaming.
  """
  part = path.with_name(PART)
  try:
    yield part
    os.replace(part, path)
  except OSError as error:
    raise errors.UserError(
      f"{path}: cannot be written ({_reason(error)}); make room or name another"
      " place"
    ) from error
  finally:
    with contextlib.suppress(OSError):
      part.unlink()


def write(path: pathlib.Path, content: bytes) -> None:
  """Writes a file, as `replacing` describes."""
  with replacing(path) as part, open(part, "wb") as file:
    file.write(content)
    file.flush()
    os.fsync(file.fileno())


def remove_parts(folder: pathlib.Path) -> None:
  """Removes what killed runs of this machine left half-written in a folder."""
  # With the dot: host1 must leave alone what host10 is writing.
  for part in folder.glob(f"{PART_OF_HOST}.*.part"):
    process = part.suffixes[-2].removeprefix(".")
    if not (process.isdecimal() and psutil.pid_exists(int(process))):
      part.unlink(missing_ok=True)


def make_folder(folder: pathlib.Path) -> None:
  """Creates a folder and makes sure that files can be written to it.

  Raises:
    UserError: if not.
  """
  try:
    folder.mkdir(parents=True, exist_ok=True)
    _probe(folder)
  except OSError as error:
    raise errors.UserError(
      f"{folder}: cannot be written ({error.strerror}); name another folder"
    ) from error


def check_folder(folder: pathlib.Path) -> None:
  """Raises UserError if `make_folder` would fail; creates nothing."""
  there = next(p for p in (folder, *folder.absolute().parents) if p.exists())
  try:
    _probe(there)
  except OSError as error:
    raise errors.UserError(
      f"{folder}: cannot be made in {there} ({error.strerror}); name another "
      "folder"
    ) from error


def check_file(path: pathlib.Path) -> None:
  """Raises UserError if `path` is a folder or no file can be written there."""
  if path.is_dir():
    raise errors.UserError(f"{path}: is a folder; name a file")
  if not path.parent.exists():
    raise errors.UserError(f"{path}: no such folder; make it first")
  try:
    _probe(path.parent)
  except OSError as error:
    raise errors.UserError(
      f"{path}: cannot be written ({error.strerror}); name a file in a folder "
      "that can"
    ) from error


def _reason(error) -> str:
  """Returns why; encoders raise an OSError that the system knows nothing of."""
  return error.strerror or errors.first_words(error)


def _probe(folder) -> None:
  """Raises OSError unless files can be written to a folder."""
  with tempfile.TemporaryFile(dir=folder):
    pass
