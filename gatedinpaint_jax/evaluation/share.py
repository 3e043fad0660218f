"""The share of an evaluation that one of several processes has.

Each completes and scores every so many-th batch. What is found is exchanged as
bytes, so that the numbers are those of one process.
"""

import pickle
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils

from gatedinpaint_jax import errors

# One process may have slow batches or devices.
_PATIENCE_SECONDS = 24 * 3600

T = TypeVar("T")


class Share(NamedTuple):
  """Which batches are this process's.

  Attributes:
    index: of the process, from 0.
    count: how many processes there are.
  """

  index: int = 0
  count: int = 1

  @property
  def is_first(self) -> bool:
    """Whether this process writes and prints."""
    return self.index == 0

  def has(self, batch: int) -> bool:
    """Returns whether a batch is this process's, by its place among all."""
    return batch % self.count == self.index

  def gather(self, name: str, make: Callable[[], T]) -> list[T]:
    """Calls a function in every process; returns what each of them returned.

    Args:
      name: of what is made, the same in all processes.
      make: takes nothing; what it returns can be pickled.

    Raises:
      UserError: in all processes, if `make` raised it or an OSError in one.
    """
    if self.count == 1:
      return [make()]
    made, message = None, ""
    try:
      made = make()
    except (errors.UserError, OSError) as error:
      message = str(error)
    parts = [
      pickle.loads(data)  # of this same program
      for data in _exchange(name, pickle.dumps((made, message)))
    ]
    for _, message in parts:
      if message:
        raise errors.UserError(message)
    return [made for made, _ in parts]


WHOLE = Share()


def of_this_process() -> Share:
  """Returns the share of this process; JAX starts."""
  return Share(jax.process_index(), jax.process_count())


def _exchange(name, data) -> list[bytes]:
  """Returns the bytes of all processes."""
  # Gloo, which connects processors, waits no more than 30 seconds.
  ocp.multihost.get_barrier_sync_fn()(
    key=f"evaluation: {name}", timeout_ms=1000 * _PATIENCE_SECONDS
  )
  sizes = multihost_utils.process_allgather(np.array([len(data)], np.int32))
  sizes = sizes.ravel()
  padded = np.frombuffer(data.ljust(sizes.max(), b"\0"), np.uint8)
  together = np.asarray(multihost_utils.process_allgather(padded))
  return [
    row[:size].tobytes() for row, size in zip(together, sizes, strict=True)
  ]
