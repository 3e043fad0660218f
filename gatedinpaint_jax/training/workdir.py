"""The folder of a run, which one process at a time may write."""

import contextlib
import pathlib
from collections.abc import Sequence

import filelock

from gatedinpaint_jax import errors, files
from gatedinpaint_jax.training import hosts

_LOCK = "lock"


def make(path, *, folders: Sequence[str]) -> pathlib.Path:
  """Creates the folder of a run and makes sure that it can be written.

  Args:
    path: of the workdir.
    folders: names of folders in it.

  Raises:
    UserError: if it cannot.
  """
  if "://" in str(path):
    raise errors.UserError(
      f"`workdir`={path}: must be a folder of a file system that all hosts "
      "share, for example by NFS"
    )
  workdir = pathlib.Path(path).expanduser()
  with errors.prefixed("`workdir`="):
    for folder in (workdir, *(workdir / name for name in folders)):
      files.make_folder(folder)
  return workdir


@contextlib.contextmanager
def held(workdir: pathlib.Path):
  """Keeps other runs out of a workdir; a killed run does not hold it any more.

  Of several processes of one run, the first one locks for all.

  Args:
    workdir: from `make`.

  Raises:
    UserError: if another run holds it, in all processes.
  """
  lock = filelock.FileLock(workdir / _LOCK, timeout=0)

  def acquire():
    try:
      lock.acquire()
    except filelock.Timeout as error:
      raise errors.UserError(
        f"`workdir`={workdir}: another run is writing there; stop it or name "
        "another"
      ) from error

  hosts.do_in_first(acquire)
  try:
    yield
  finally:
    lock.release()
