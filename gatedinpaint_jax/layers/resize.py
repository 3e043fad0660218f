"""Resizes of the released program, `[B, H, W, C]`, any dtype.

Reductions take the nearest source pixel with aligned corners: the first and the
last row of the result are the first and the last row of the source. At 256 rows
that differs from slicing `[::4]` in most of them, and trained weights notice.
"""

import jax.numpy as jnp
import numpy as np


def nearest_source_indices(size: int, factor: int) -> np.ndarray:
  """Returns which source rows a reduction of `size` rows by `factor` keeps.

  Args:
    size: number of source rows, a multiple of `factor`.
    factor: source rows per result row.

  Returns:
    `[size // factor] int64`, rising. In integers, so that it is the same on
    every machine: `floor(i * (size - 1) / (result_size - 1) + 1/2)`.

  Raises:
    ValueError: if `factor` does not divide `size`.
  """
  if size % factor:
    raise ValueError(f"{size} rows cannot be reduced by {factor}.")
  result_size = size // factor
  if result_size == 1:
    return np.zeros(1, np.int64)
  i = np.arange(result_size)
  steps = 2 * (result_size - 1)
  return factor * i + (2 * (factor - 1) * i + result_size - 1) // steps


def reduce_nearest(x, factor: int):
  """Returns `x` with height and width divided by `factor`, corners aligned.

  Raises:
    ValueError: if `factor` does not divide both sides.
  """
  _, height, width, _ = x.shape
  x = jnp.take(x, nearest_source_indices(height, factor), axis=1)
  return jnp.take(x, nearest_source_indices(width, factor), axis=2)


def upsample_x2(x):
  """Returns `x` with every pixel repeated as a block of 2 x 2.

  Written as broadcast and reshape because these stay exportable with sizes
  that are unknown.
  """
  batch, height, width, channels = x.shape
  x = jnp.broadcast_to(
    x[:, :, None, :, None, :], (batch, height, 2, width, 2, channels)
  )
  return x.reshape(batch, 2 * height, 2 * width, channels)
