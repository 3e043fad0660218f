"""How pictures are spread over the devices of this process.

Devices share the pictures of a batch, or, if that is too much for each of them
or leaves cores of the processor idle, the rows of every picture.
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
from gatedinpaint_jax.layers import convolution

_HOST_DEVICES = "xla_force_host_platform_device_count"
# Rows of a core at least: at a quarter of the size, the layer that is dilated
# the most needs 16 of the core next to it.
_FEWEST_ROWS = 64


class Spread(NamedTuple):
  """How a batch is computed.

  Attributes:
    mesh: of axes as in `training.devices`, one of which is 1; None if JAX does
      not compute it.
    size: (height, width) to which the pictures are padded.
  """

  mesh: Mesh | None
  size: tuple[int, int]


def choose(
  pictures: int, height: int, width: int, *, bucket: int, tuned: bool = False
) -> Spread:
  """Chooses for a batch of a padded size.

  Args:
    pictures: of the batch. As many devices as can take equal numbers do.
    height: multiple of `bucket`. If accelerators share the rows, it is padded
      to a multiple of 8 rows for each of them, too.
    width: multiple of `bucket`.
    bucket: a multiple of 8.
    tuned: whether cores share the rows if they cannot share the pictures, as
      many as get multiples of 8 rows; see `Inpainter`.

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
  if tuned and count == 1 and not has_own:
    rows = _rows_shared_by(most, pictures, height, width)
    return Spread(_make_mesh(found[:rows], rows=rows), (height, width))
  return Spread(_make_mesh(found[:count], rows=1), (height, width))


def _rows_shared_by(most, pictures, height, width):
  """Returns how many cores get equal multiples of 8 rows, all in one memory."""
  return max(
    n
    for n in range(1, most + 1)
    if n == 1
    or (
      height % (n * batch_lib.SIZE_MULTIPLE) == 0
      and height // n >= _FEWEST_ROWS
      and memory.fits(n * pictures, height, width, devices=n)
    )
  )


def without_devices(check_fits):
  """Returns a `choose` for what is no program of JAX.

  Args:
    check_fits: as that of `memory`.
  """

  def choose_nothing(pictures, height, width):
    check_fits(pictures, height, width)
    return Spread(None, (height, width))

  return choose_nothing


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


def use_cores(most: int | None) -> None:
  """Makes each core of the processor a device, to share pictures or rows.

  To be called by programs, before JAX starts its backends; later it does
  nothing. Who has chosen a number of devices or another platform keeps it.

  Args:
    most: devices that there is work for; None for all cores.
  """
  platforms = jax.config.jax_platforms or "cpu"
  is_chosen = (
    _HOST_DEVICES in os.environ.get("XLA_FLAGS", "")
    or jax.config.jax_num_cpu_devices >= 0
  )
  if is_chosen or platforms.split(",")[0] != "cpu":
    return
  cores = convolution.count_cores()
  try:
    count = cores if most is None else max(1, min(cores, most))
    jax.config.update("jax_num_cpu_devices", count)
  except RuntimeError:
    pass  # JAX has started
