"""The processes of one run, on one machine or on many."""

import os
import sys
import traceback
from collections.abc import Callable

import jax
import numpy as np
from jax.experimental import multihost_utils

from gatedinpaint_jax import errors

_LONGEST_MESSAGE = 1024


def join(
  *,
  coordinator: str | None = None,
  processes: int | None = None,
  process: int | None = None,
) -> None:
  """Makes the devices of all processes one machine; before JAX does anything.

  Args:
    coordinator: `host:port` of process 0, reachable from all; None where the
      cluster tells it (TPU pods, Slurm, Open MPI, Kubernetes).
    processes: how many there are; None as above.
    process: which one this is, from 0; None as above.

  Raises:
    UserError: if they do not find each other.
  """
  # What connects processors; accelerators have networks of their own.
  jax.config.update("jax_cpu_collectives_implementation", "gloo")
  try:
    jax.distributed.initialize(coordinator, processes, process)
  except (RuntimeError, ValueError) as error:
    raise errors.UserError(
      f"--distributed: the processes did not find each other "
      f"({errors.first_words(error)}); give --coordinator=HOST:PORT, "
      "--processes and --process"
    ) from error


def do_in_first(action: Callable[[], None]) -> None:
  """Does something in the first process; the others wait for it.

  Raises:
    UserError: in all processes, if the action raised it in the first one.
  """
  message = b""
  if jax.process_index() == 0:
    try:
      action()
    except errors.UserError as error:
      if jax.process_count() == 1:
        raise
      message = str(error).encode()
  if jax.process_count() == 1:
    return
  padded = np.frombuffer(message.ljust(_LONGEST_MESSAGE, b"\0"), np.uint8)
  told = multihost_utils.broadcast_one_to_all(padded[:_LONGEST_MESSAGE])
  if message := np.asarray(told, np.uint8).tobytes().rstrip(b"\0"):
    raise errors.UserError(message.decode(errors="replace"))


def gather(tree):
  """Returns arrays that are divided over all processes, whole, as NumPy."""
  if jax.process_count() == 1:
    return jax.device_get(tree)
  return multihost_utils.process_allgather(tree, tiled=True)


def explain(error: Exception) -> int:
  """Tells what ended one of several processes; returns its exit code."""
  if isinstance(error, jax.errors.JaxRuntimeError):
    print(
      f"error: process {jax.process_index()} of {jax.process_count()} cannot go"
      f" on ({errors.first_words(error)}); if another one has ended, its log "
      "says why; the same commands go on from the newest checkpoint",
      file=sys.stderr,
    )
  else:
    traceback.print_exception(error)
  return 1


def leave(code: int) -> None:
  """Ends this process at once, which the others notice.

  An ordinary end waits for them, and they wait for this process.
  """
  sys.stdout.flush()
  sys.stderr.flush()
  os._exit(code)
