"""The folder of a run, to which only one run at a time may write."""

import contextlib
import pathlib
from collections.abc import Sequence

import filelock

from gatedinpaint_jax import errors, files
from gatedinpaint_jax.training import hosts

_LOCK = "lock"


def make(path, *, folders: Sequence[str]) -> pathlib.Path:
  """Creates a workdir and folders in it; raises UserError if it cannot."""
  if "://" in str(path):
    raise errors.UserError(
      f"`workdir`={path}: must be a folder of a file system that all hosts "
      "share, for example by NFS"
    )
  with errors.prefixed("`workdir`="):
    workdir = files.expand(path)
    for folder in (workdir, *(workdir / name for name in folders)):
      files.make_folder(folder)
  return workdir


@contextlib.contextmanager
def locked(workdir: pathlib.Path):
  """Keeps other runs out of a workdir. The lock ends with the process.

  With several processes, the first one takes the lock; all raise UserError if
  another run has it.
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

  hosts.on_first_process(acquire)
  try:
    yield
  finally:
    lock.release()
