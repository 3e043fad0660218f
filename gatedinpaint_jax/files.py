"""Reads files of strangers, and writes files atomically.

A file is written under a hidden name in the same folder and then renamed, so
that readers, even after a crash, see the old file or none.
"""

import contextlib
import errno
import os
import pathlib
import platform
import re
import stat
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
  advice = "free some space or name another file"
  try:
    with _explained(f"{path}: cannot be written", advice):
      yield part
      os.replace(part, path)
  finally:
    with contextlib.suppress(OSError):
      part.unlink()


def write(path: pathlib.Path, content: bytes) -> None:
  """Writes a file atomically; see `replacing`."""
  with replacing(path) as part, open(part, "wb") as file:
    file.write(content)
    file.flush()
    os.fsync(file.fileno())


def read(path: pathlib.Path, *, most: int = 10**8) -> bytes:
  """Returns the content of a file, which a stranger may have sent.

  Raises:
    OSError: if it cannot be read, is not a regular file or has more than `most`
      bytes.
  """
  if check_regular(path) > most:
    raise OSError(errno.EFBIG, f"larger than {most / 1e6:.0f} MB", str(path))
  return path.read_bytes()


def check_regular(path: str | os.PathLike[str]) -> int:
  """Returns the size of a file, which may be behind a link.

  Raises:
    OSError: if it is missing or something else, such as a pipe, which would be
      waited for, or a device, which may never end.
  """
  found = os.stat(path)
  if not stat.S_ISREG(found.st_mode):
    raise OSError(errno.EINVAL, "not a regular file", str(path))
  return found.st_size


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
  with _explained(f"{folder}: cannot be written", "name another folder"):
    folder.mkdir(parents=True, exist_ok=True)
    _probe(folder, room)


def check_folder(folder: pathlib.Path) -> None:
  """Raises UserError if `make_folder` would fail; creates nothing."""
  parents = (folder, *folder.absolute().parents)
  existing = next(path for path in parents if path.exists())
  problem = f"{folder}: cannot be created in {existing}"
  with _explained(problem, "name another folder"):
    _probe(existing)


def check_file(path: pathlib.Path) -> None:
  """Raises UserError if `path` is a folder or no file can be written there."""
  if path.is_dir():
    raise errors.UserError(f"{path}: is a folder; name a file")
  if not path.parent.exists():
    raise errors.UserError(f"{path}: no such folder; create it first")
  advice = "name a file in a writable folder"
  with _explained(f"{path}: cannot be written", advice):
    _probe(path.parent)


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


@contextlib.contextmanager
def _explained(problem, advice):
  """Turns an OSError into a UserError with its reason."""
  try:
    yield
  except OSError as error:
    # Picture encoders raise an OSError without an error number.
    reason = error.strerror or errors.first_words(error)
    raise errors.UserError(f"{problem} ({reason}); {advice}") from error


def _probe(folder, size=0) -> None:
  """Raises OSError unless a file of a size can be written to a folder."""
  with tempfile.TemporaryFile(dir=folder) as file:
    file.write(bytes(size))
