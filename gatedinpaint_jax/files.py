"""Atomic file writes, and early checks that a path can be written.

A file is written under a hidden name in the same folder and then renamed, so
that readers, even after a crash, see the old file or none.
"""

import contextlib
import os
import pathlib
import platform
import re
import tempfile
from collections.abc import Iterator

import psutil

from gatedinpaint_jax import errors

# Unique to each process. Does not contain the name of the file, which may
# already be as long as the file system allows.
PART_OF_HOST = f".{platform.node() or 'host'}"
PART = f"{PART_OF_HOST}.{os.getpid()}.part"


def expand(text: str | os.PathLike[str]) -> pathlib.Path:
  """Returns a path with a leading `~` or `~user` expanded.

  The `~` of a name that is no user's is part of the name.

  Raises:
    UserError: if there is no home to expand `~` to.
  """
  path = os.path.expanduser(text)
  if path == "~" or path.startswith(f"~{os.sep}"):
    raise errors.UserError(
      f"{text}: there is no home folder; write the path in full"
    )
  return pathlib.Path(path)


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Yields a temporary path, which replaces `path` when the block ends.

  On failure `path` is unchanged. A symbolic link is replaced, not its target.

  Raises:
    UserError: for an OSError inside the block or while renaming.
  """
  part = path.with_name(PART)
  try:
    yield part
    os.replace(part, path)
  except OSError as error:
    raise errors.UserError(
      f"{path}: cannot be written ({_reason(error)}); free some space or name"
      " another file"
    ) from error
  finally:
    with contextlib.suppress(OSError):
      part.unlink()


def write(path: pathlib.Path, content: bytes) -> None:
  """Writes a file atomically; see `replacing`."""
  with replacing(path) as part, open(part, "wb") as file:
    file.write(content)
    file.flush()
    os.fsync(file.fileno())


def remove_parts(folder: pathlib.Path) -> None:
  """Removes temporary files that killed processes of this host left behind."""
  ours = re.compile(re.escape(PART_OF_HOST) + r"\.([1-9][0-9]{0,8})\.part")
  for part in folder.iterdir():
    match = ours.fullmatch(part.name)
    if match and not psutil.pid_exists(int(match[1])) and part.is_file():
      with contextlib.suppress(OSError):
        part.unlink()


def make_folder(folder: pathlib.Path, *, room: int = 0) -> None:
  """Creates a folder; raises UserError if files cannot be written to it.

  Writes as many bytes as `room` to see that a file of that size can be.
  """
  try:
    folder.mkdir(parents=True, exist_ok=True)
    _probe(folder, room)
  except OSError as error:
    raise errors.UserError(
      f"{folder}: cannot be written ({error.strerror}); name another folder"
    ) from error


def check_folder(folder: pathlib.Path) -> None:
  """Raises UserError if `make_folder` would fail; creates nothing."""
  parents = (folder, *folder.absolute().parents)
  existing = next(path for path in parents if path.exists())
  try:
    _probe(existing)
  except OSError as error:
    raise errors.UserError(
      f"{folder}: cannot be created in {existing} ({error.strerror}); name "
      "another folder"
    ) from error


def check_file(path: pathlib.Path) -> None:
  """Raises UserError if `path` is a folder or no file can be written there."""
  if path.is_dir():
    raise errors.UserError(f"{path}: is a folder; name a file")
  if not path.parent.exists():
    raise errors.UserError(f"{path}: no such folder; create it first")
  try:
    _probe(path.parent)
  except OSError as error:
    raise errors.UserError(
      f"{path}: cannot be written ({error.strerror}); name a file in a "
      "writable folder"
    ) from error


def check_new_file(path: pathlib.Path, *, suffix: str, overwrite: bool) -> None:
  """Raises UserError unless a file with this suffix can be written.

  An existing file may be replaced only if `overwrite` allows it.
  """
  if path.suffix != suffix:
    raise errors.UserError(f"{path}: must end in {suffix}")
  if path.is_symlink() and not path.exists():
    raise errors.UserError(f"{path}: is a broken link; remove it")
  check_file(path)
  check_free(path, overwrite=overwrite)


def check_free(path: pathlib.Path, *, overwrite: bool) -> None:
  """Raises UserError if `path` exists, unless `overwrite` may replace it."""
  if path.exists() and not overwrite:
    raise errors.UserError(f"{path}: exists; `overwrite` replaces it")


def identity(path: str | os.PathLike[str]) -> tuple:
  """Returns what is equal for all names of a file, hard links included."""
  try:
    status = os.stat(path)
  except OSError:
    return (os.path.realpath(path),)
  return status.st_dev, status.st_ino


def _reason(error) -> str:
  # Picture encoders raise an OSError without an error number.
  return error.strerror or errors.first_words(error)


def _probe(folder, size=0) -> None:
  """Raises OSError unless a file of a size can be written to a folder."""
  with tempfile.TemporaryFile(dir=folder) as file:
    file.write(bytes(size))
