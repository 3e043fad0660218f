"""Joins the processes of one run, on one machine or on many."""

import jax

from gatedinpaint_jax import errors


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
