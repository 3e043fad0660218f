"""The folder of a run, which one process at a time may write."""

import contextlib
import pathlib
import tempfile
from collections.abc import Sequence

import filelock

from gatedinpaint_jax import errors

_LOCK = "lock"


def make(path, *, folders: Sequence[str]) -> pathlib.Path:
  """Creates the folder of a run and makes sure that it can be written.

  Args:
    path: of the workdir.
    folders: names of folders in it.

  Raises:
    UserError: if it cannot.
  """
  workdir = pathlib.Path(path).expanduser()
  try:
    for folder in folders:
      (workdir / folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=workdir):
      pass
  except OSError as error:
    raise errors.UserError(
      f"--workdir={workdir}: cannot be written ({error.strerror}); name a "
      "folder that can"
    ) from error
  return workdir


@contextlib.contextmanager
def held(workdir: pathlib.Path, *, is_first: bool):
  """Keeps other runs out of a workdir; a killed run does not hold it any more.

  Args:
    workdir: from `make`.
    is_first: whether this is the process of its run that locks for all.

  Raises:
    UserError: if another run holds it.
  """
  if not is_first:
    yield
    return
  lock = filelock.FileLock(workdir / _LOCK, timeout=0)
  try:
    lock.acquire()
  except filelock.Timeout as error:
    raise errors.UserError(
      f"--workdir={workdir}: another run is writing there; stop it or name "
      "another"
    ) from error
  try:
    yield
  finally:
    lock.release()
