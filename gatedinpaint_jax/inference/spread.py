"""How pictures are spread over the devices of this process.

Devices share the pictures of a batch or, if that is too much for each of them,
the rows of every picture.
"""

import math
import os
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.inference import memory

_HOST_DEVICES = "xla_force_host_platform_device_count"


class Spread(NamedTuple):
  """How a batch is computed.

  Attributes:
    mesh: of axes as in `training.devices`, one of which is 1.
    size: (height, width) to which the pictures are padded.
  """

  mesh: Mesh
  size: tuple[int, int]


def choose(pictures: int, height: int, width: int, *, bucket: int) -> Spread:
  """Chooses for a batch of a padded size.

  Args:
    pictures: of the batch. As many devices as can take equal numbers do.
    height: multiple of `bucket`. If accelerators share the rows, it is padded
      to a multiple of 8 rows for each of them, too.
    width: multiple of `bucket`.
    bucket: a multiple of 8.

  Raises:
    UserError: if the devices have not enough memory.
  """
  found = jax.local_devices()
  most = len(found)
  count = max(n for n in range(1, most + 1) if pictures % n == 0)
  has_own = not memory.is_of_the_host()
  # Pictures that are computed in one memory at the same time.
  together = pictures // count if has_own else pictures
  if has_own and most > 1 and not memory.fits(together, height, width):
    step = math.lcm(bucket, most * batch_lib.SIZE_MULTIPLE)
    padded = -(-height // step) * step
    if memory.fits(pictures, padded, width, devices=most):
      return Spread(_make_mesh(found, rows=most), (padded, width))
  memory.check_fits(together, height, width)
  return Spread(_make_mesh(found[:count], rows=1), (height, width))


def _make_mesh(devices, *, rows):
  shape = (len(devices) // rows, rows)
  return Mesh(np.asarray(devices).reshape(shape), ("data", "rows"))


def over_pictures(predict):
  """Returns `predict` with pictures shared as `jax.set_mesh` has said.

  Each device computes its own ones, and nothing is exchanged. Of shared rows
  the layers and XLA exchange what they need.

  Args:
    predict: takes parameters, arrays `[B, ...]` or None, and an array that is
      the same for all pictures; returns a tree of arrays `[B, ...]`.
  """

  def predict_shared(params, *arrays):
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.shape["data"] == 1:
      return predict(params, *arrays)
    pictures = [P("data")] * (len(arrays) - 1)
    return jax.shard_map(
      predict,
      in_specs=(P(), *pictures, P()),
      out_specs=P("data"),
      check_vma=False,
    )(params, *arrays)

  return predict_shared


def use_cores(most: int) -> None:
  """Makes each core of the processor a device, to share pictures.

  For programs to call before JAX starts its backends; later it does nothing. An
  explicit choice of a number of devices or of another platform is respected.

  Args:
    most: how many pictures are computed at once.
  """
  platforms = jax.config.jax_platforms or "cpu"
  is_chosen = (
    _HOST_DEVICES in os.environ.get("XLA_FLAGS", "")
    or jax.config.jax_num_cpu_devices >= 0
  )
  if is_chosen or platforms.split(",")[0] != "cpu":
    return
  try:
    jax.config.update("jax_num_cpu_devices", max(1, min(_count_cores(), most)))
  except RuntimeError:
    pass  # JAX has started


def _count_cores() -> int:
  """Returns how many cores of the processor this process may use."""
  if hasattr(os, "sched_getaffinity"):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1
