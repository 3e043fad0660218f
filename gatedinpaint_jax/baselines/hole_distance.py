"""How far each pixel of a hole is from the pixels around the hole."""

import jax
import jax.numpy as jnp


def hole_distance(mask: jax.Array) -> jax.Array:
  """Returns the Euclidean distance of each pixel to the nearest known one.

  Args:
    mask: `[B, H, W, 1]`, 1 = hole.

  Returns:
    `[B, H, W, 1] float32`, in pixels: 0 where known, 1 at the rim of a hole,
    infinite where a picture has no known pixel.
  """
  height, width = mask.shape[1:3]
  rows, columns = (
    jnp.arange(height)[None, :, None],
    jnp.arange(width)[None, None],
  )
  # Along the rows first, then over them: no array is larger than a mask.
  along = _distance_along(mask[..., 0] < 0.5, columns)

  def nearer(least, row):
    from_row = jax.lax.dynamic_slice_in_dim(along, row, 1, axis=1)
    return jnp.minimum(least, from_row**2 + (rows - row) ** 2), None

  farthest = jnp.full_like(along, jnp.inf)
  squared, _ = jax.lax.scan(nearer, farthest, jnp.arange(height))
  return jnp.sqrt(squared)[..., None]


def _distance_along(is_known, columns):
  """Returns the distance to the nearest known place of the same row."""
  before = jnp.where(is_known, columns, -jnp.inf)
  after = jnp.where(is_known, columns, jnp.inf)
  return jnp.minimum(
    columns - jax.lax.cummax(before, axis=2),
    jax.lax.cummin(after, axis=2, reverse=True) - columns,
  )
