"""Distributes pictures over the devices of this process.

Devices share the pictures of a batch or, if these are too large for one device,
the rows of every picture.
"""

import math
import os
from typing import NamedTuple

import jax
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.inference import memory
from gatedinpaint_jax.training import devices as devices_lib


class Spread(NamedTuple):
  """How a batch is computed."""

  mesh: Mesh  # with the axes of `training.devices`, one of which has size 1
  size: tuple[int, int]  # (height, width) to which the pictures are padded


def choose(pictures: int, height: int, width: int, *, bucket: int) -> Spread:
  """Chooses the devices and the padding for a batch.

  Uses as many devices as divide the number of pictures. If accelerators share
  the rows, the height, a multiple of `bucket`, is padded further, to a multiple
  of 8 rows for each.
  """
  devices = jax.local_devices()
  most = len(devices)
  count = max(n for n in range(1, most + 1) if pictures % n == 0)
  has_own = not memory.uses_host_memory()
  # Number of pictures computed in the same memory at the same time.
  together = pictures // count if has_own else pictures
  if has_own and most > 1 and not memory.fits(together, height, width):
    step = math.lcm(bucket, most * batch_lib.SIZE_MULTIPLE)
    padded = -(-height // step) * step
    if memory.fits(pictures, padded, width, devices=most):
      mesh = devices_lib.make_mesh(devices, rows=most)
      return Spread(mesh, (padded, width))
  memory.check_fits(together, height, width)
  return Spread(devices_lib.make_mesh(devices[:count]), (height, width))


def over_pictures(predict):
  """Maps `predict` over the pictures on each device of the current mesh.

  `predict` takes parameters, arrays `[B, ...]` or None, and an array shared by
  all pictures; it returns a tree of arrays `[B, ...]`. If the mesh splits rows
  instead, the layers and XLA exchange what they need.
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
  """Makes each CPU core, up to `most`, a device, to compute pictures at once.

  For programs, before JAX starts its backends; later it has no effect. An
  explicit choice of a device count or of another platform is respected.
  """
  platforms = jax.config.jax_platforms or "cpu"
  is_chosen = (
    "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    or jax.config.jax_num_cpu_devices >= 0
  )
  if is_chosen or platforms.split(",")[0] != "cpu":
    return
  try:
    jax.config.update("jax_num_cpu_devices", max(1, min(_count_cores(), most)))
  except RuntimeError:
    pass  # JAX has started


def _count_cores() -> int:
  if hasattr(os, "sched_getaffinity"):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1
