"""How pictures and parameters lie on the devices.

A mesh has two axes: `data`, over which the pictures of a batch are spread, and
`rows`, over which the rows of one picture are (1 unless pictures are split).
Parameters and optimizer states are on every device.
"""

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from gatedinpaint_jax import errors


def make_mesh(devices=None) -> Mesh:
  """Returns the mesh of all devices of all hosts, or of those given."""
  devices = jax.devices() if devices is None else devices
  return Mesh(np.asarray(devices).reshape(-1, 1), ("data", "rows"))


def replicated(mesh: Mesh) -> NamedSharding:
  """Returns the sharding of what every device holds whole."""
  return NamedSharding(mesh, P())


def over_pictures(mesh: Mesh) -> NamedSharding:
  """Returns the sharding of arrays whose first axis counts pictures."""
  return NamedSharding(mesh, P("data", "rows"))


def check_batch_size(
  batch_size: int, mesh: Mesh, *, key: str, parts: int = 1
) -> None:
  """Raises UserError unless the devices divide each part of a batch.

  Args:
    batch_size: of the global batch.
    mesh: from `make_mesh`.
    key: the config key that says so, for the message.
    parts: `config.optimizer.accumulation_steps`.
  """
  devices = mesh.shape["data"]
  count = devices * parts
  if batch_size < 1 or batch_size % count:
    fitting = max(count, batch_size // count * count)
    times = f" times {parts} accumulation steps" if parts > 1 else ""
    raise errors.UserError(
      f"{key}={batch_size}: must be a multiple of the {devices} devices"
      f"{times}; {fitting} would be."
    )


def put_whole_batch(batch, mesh: Mesh):
  """Lays a global batch that every host holds whole on the devices.

  Args:
    batch: pytree of NumPy arrays `[B, ...]`; the devices divide B.
    mesh: from `make_mesh`.

  Returns:
    The same tree of global `jax.Array`s.
  """
  sharding = over_pictures(mesh)
  return jax.tree.map(
    lambda x: jax.make_array_from_callback(
      x.shape, sharding, lambda index: x[index]
    ),
    batch,
  )


def put_batch(batch, mesh: Mesh):
  """Lays this host's rows of a global batch on its devices.

  Args:
    batch: pytree of NumPy arrays `[local B, ...]`.
    mesh: from `make_mesh`.

  Returns:
    The same tree of global `jax.Array`s `[B, ...]`; the copy may still be
    under way.
  """
  sharding = over_pictures(mesh)
  return jax.tree.map(
    lambda x: jax.make_array_from_process_local_data(sharding, x), batch
  )
