"""Distance transform of masks."""

import jax
import jax.numpy as jnp


def hole_distance(mask: jax.Array) -> jax.Array:
  """Returns the Euclidean distance of each pixel to the nearest known one.

  Args:
    mask: `[B, H, W, 1]`, 1 = hole.

  Returns:
    `[B, H, W, 1] float32`, in pixels: 0 at known pixels, 1 at the border of a
    hole, infinite if a picture has no known pixel.
  """
  height, width = mask.shape[1:3]
  rows = jnp.arange(height)[None, :, None]
  columns = jnp.arange(width)[None, None]
  # distance(i, j)^2 = min over rows k of (i - k)^2 + in_row(k, j)^2. The scan
  # over k needs no array larger than a mask.
  in_row = _distance_in_row(mask[..., 0] < 0.5, columns)

  def add_row(nearest, row):
    distance = jax.lax.dynamic_slice_in_dim(in_row, row, 1, axis=1)
    return jnp.minimum(nearest, distance**2 + (rows - row) ** 2), None

  infinity = jnp.full_like(in_row, jnp.inf)
  squared, _ = jax.lax.scan(add_row, infinity, jnp.arange(height))
  return jnp.sqrt(squared)[..., None]


def _distance_in_row(is_known, columns):
  """Returns the distance to the nearest known pixel in the same row."""
  before = jnp.where(is_known, columns, -jnp.inf)
  after = jnp.where(is_known, columns, jnp.inf)
  return jnp.minimum(
    columns - jax.lax.cummax(before, axis=2),
    jax.lax.cummin(after, axis=2, reverse=True) - columns,
  )
