"""The processes of one run, on one machine or on many."""

import hashlib
import os
import sys
import traceback
from collections.abc import Callable

import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging
from jax.experimental import multihost_utils

from gatedinpaint_jax import errors

_LONGEST_MESSAGE = 1024
# Until all processes have found their pictures; one may download them.
_PATIENCE_SECONDS = 6 * 3600


def join(
  *,
  coordinator: str | None = None,
  processes: int | None = None,
  process: int | None = None,
) -> None:
  """Makes the devices of all processes one machine; before JAX does anything.

  Args:
    coordinator: `host:port` of process 0, reachable from all; None where the
      cluster tells it (TPU pods, Slurm, Open MPI).
    processes: how many there are; None as above.
    process: which one this is, from 0; None as above.

  Raises:
    UserError: if it is not told where the others are. JAX itself ends a process
      that has waited five minutes for them.
  """
  if processes is not None:
    logging.info("waiting for %d processes at %s", processes, coordinator)
  # What connects processors; accelerators have networks of their own.
  jax.config.update("jax_cpu_collectives_implementation", "gloo")
  try:
    jax.distributed.initialize(coordinator, processes, process)
  except (RuntimeError, ValueError) as error:
    raise errors.UserError(
      f"`distributed`: the processes did not find each other "
      f"({errors.first_words(error)}); give `coordinator`=HOST:PORT, "
      "`processes` and `process`"
    ) from error


def meet(config) -> None:
  """Waits until all processes are here, before they first talk to each other.

  Args:
    config: of this process.

  Raises:
    UserError: in all processes, unless all have the same config.
  """
  if jax.process_count() == 1:
    return
  # Gloo, which connects processors, has no more than 30 seconds.
  ocp.multihost.get_barrier_sync_fn()(
    key="all processes of the run", timeout_ms=1000 * _PATIENCE_SECONDS
  )
  digest = hashlib.sha256(config.to_json_best_effort(sort_keys=True).encode())
  digest = np.frombuffer(digest.digest(), np.uint8)
  if (multihost_utils.process_allgather(digest) != digest).any():
    raise errors.UserError(
      "`config`: the processes of this run have different ones; give the same "
      "config and flags to all"
    )


def do_in_first(action: Callable[[], None]) -> None:
  """Does something in the first process; the others wait for it.

  Raises:
    UserError: in all processes, if the action raised it or an OSError in the
      first one.
  """
  message = b""
  if jax.process_index() == 0:
    try:
      action()
    except (errors.UserError, OSError) as error:
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


def explain(error: Exception, *, then: str = "") -> int:
  """Tells what ended one of several processes; returns its exit code.

  Args:
    error: what was raised.
    then: what a person can do, put behind the line.
  """
  if isinstance(error, jax.errors.JaxRuntimeError):
    print(
      f"error: process {jax.process_index()} of {jax.process_count()} cannot go"
      f" on ({errors.first_words(error)}); if another one has ended, its log "
      f"says why{then}",
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
