"""How pictures and parameters are placed on the devices.

A mesh has two axes: `data`, over which the pictures of a batch are sharded, and
`rows`, over which the rows of each picture are (1 unless pictures are split).
Parameters and optimizer states are replicated.
"""

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from gatedinpaint_jax import errors


def make_mesh(devices=None, *, rows: int = 1) -> Mesh:
  """Returns the mesh of the given devices, or of all devices of all hosts."""
  devices = jax.devices() if devices is None else devices
  return Mesh(np.asarray(devices).reshape(-1, rows), ("data", "rows"))


def replicated(mesh: Mesh) -> NamedSharding:
  """Returns the sharding of arrays that every device holds completely."""
  return NamedSharding(mesh, P())


def over_pictures(mesh: Mesh) -> NamedSharding:
  """Returns the sharding of arrays whose first axis counts pictures."""
  return NamedSharding(mesh, P("data", "rows"))


def on_own_pictures(update, mesh: Mesh):
  """Returns `update(state, batch)`, run by each device on its own pictures.

  The state, and what is returned, must be the same on all devices: `update`
  takes means with `mean`. In contrast to a program that the compiler divides,
  pictures never travel, and nothing does but what is averaged.
  """
  return jax.shard_map(
    update,
    mesh=mesh,
    in_specs=(P(), P("data")),
    out_specs=P(),
    # With the check, JAX sums gradients itself, in the dtype of the network.
    check_vma=False,
  )


def mean(tree):
  """Returns the mean over the devices of a tree of float32 arrays."""
  return jax.lax.pmean(tree, "data")


def check_batch_size(batch_size: int, mesh: Mesh, parts: int) -> None:
  """Raises UserError unless the devices divide each part of a global batch.

  The parts are those of gradient accumulation.
  """
  devices = mesh.shape["data"]
  divisor = devices * parts
  if batch_size < 1 or batch_size % divisor:
    suggestion = max(divisor, batch_size // divisor * divisor)
    times = f" times {parts} accumulation steps" if parts > 1 else ""
    raise errors.UserError(
      f"config.data.batch_size={batch_size}: must be a multiple of the"
      f" {devices} devices{times}, such as {suggestion}"
    )


def put_global_batch(batch, mesh: Mesh):
  """Shards a NumPy batch `[B, ...]` that every host holds completely."""
  sharding = over_pictures(mesh)
  return jax.tree.map(
    lambda x: jax.make_array_from_callback(
      x.shape, sharding, lambda index: x[index]
    ),
    batch,
  )


def put_batch(batch, mesh: Mesh):
  """Shards a NumPy batch of which each host holds only its part.

  Returns global arrays `[B, ...]`, which may still be copying.
  """
  sharding = over_pictures(mesh)
  return jax.tree.map(
    lambda x: jax.make_array_from_process_local_data(sharding, x), batch
  )
