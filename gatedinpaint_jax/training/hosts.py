"""The processes of one run, on one machine or on several."""

import hashlib
from collections.abc import Callable

import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging
from jax.experimental import multihost_utils

from gatedinpaint_jax import errors

_MAX_MESSAGE_BYTES = 1024
# One process may download pictures or compile while the others wait.
_BARRIER_TIMEOUT_SECONDS = 6 * 3600


def join(
  *,
  coordinator: str | None = None,
  processes: int | None = None,
  process: int | None = None,
) -> None:
  """Connects the processes, so that JAX sees all their devices.

  Must be called before JAX starts a backend. `coordinator` is the `host:port`
  of process 0, `processes` their number and `process` the index of this one;
  None on clusters that provide them (TPU pods, Slurm, Open MPI).

  Raises:
    UserError: if an argument is missing or wrong. JAX itself ends a process
      that has waited five minutes for the others.
  """
  if processes is not None:
    logging.info("waiting for %d processes at %s", processes, coordinator)
  # For communication between CPUs; accelerators have their own networks.
  jax.config.update("jax_cpu_collectives_implementation", "gloo")
  try:
    jax.distributed.initialize(coordinator, processes, process)
  except (RuntimeError, ValueError) as error:
    raise errors.UserError(
      f"`distributed`: the processes did not find each other "
      f"({errors.first_words(error)}); give `coordinator`=HOST:PORT, "
      "`processes` and `process`"
    ) from error


def wait_for_all(key: str) -> None:
  """Waits until all processes are here, however long the slowest one takes.

  Must come before a collective operation that they reach at different times:
  Gloo's time out after 30 seconds.
  """
  ocp.multihost.get_barrier_sync_fn()(
    key=key, timeout_ms=1000 * _BARRIER_TIMEOUT_SECONDS
  )


def synchronize(config) -> None:
  """Waits for all processes and compares their configs.

  Must come before their first collective operation.

  Raises:
    UserError: in all processes, unless all have the same config.
  """
  if jax.process_count() == 1:
    return
  wait_for_all("start")
  digest = hashlib.sha256(config.to_json_best_effort(sort_keys=True).encode())
  digest = np.frombuffer(digest.digest(), np.uint8)
  if (multihost_utils.process_allgather(digest) != digest).any():
    raise errors.UserError(
      "`config`: the processes of this run have different ones; give the same "
      "config and flags to all"
    )


def on_first_process(action: Callable[[], None]) -> None:
  """Calls `action` in the first process; the others wait for it.

  Raises:
    UserError: in all processes, if the action raised it or an OSError.
  """
  if jax.process_count() == 1:
    action()
    return
  message = b""
  if jax.process_index() == 0:
    try:
      action()
    except (errors.UserError, OSError) as error:
      message = str(error).encode()
  padded = np.frombuffer(message.ljust(_MAX_MESSAGE_BYTES, b"\0"), np.uint8)
  received = multihost_utils.broadcast_one_to_all(padded[:_MAX_MESSAGE_BYTES])
  if message := np.asarray(received, np.uint8).tobytes().rstrip(b"\0"):
    raise errors.UserError(message.decode(errors="replace"))
