"""Resizes of the released program, `[B, H, W, C]`, any dtype.

Reductions take the nearest source pixel with aligned corners: the first and the
last row of the result are the first and the last row of the source. At 256 rows
that differs from slicing `[::4]` in most of them, and trained weights notice.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import export


def nearest_source_indices(size: int, factor: int) -> np.ndarray | jax.Array:
  """Returns which of `size` rows, one in `factor`, a reduction keeps.

  These are `floor(i * (size - 1) / (result_size - 1) + 1/2)`, computed with
  integers, so that they are the same on every machine. `[size // factor]`, an
  array of JAX if the size is symbolic.
  """
  if size % factor:
    raise ValueError(f"{size} rows cannot be reduced by {factor}.")
  result_size = size // factor
  numpy = jnp if export.is_symbolic_dim(result_size) else np
  i = numpy.arange(result_size)
  last = numpy.maximum(result_size - 1, 1)  # of one row, i is 0 all the same
  return factor * i + (2 * (factor - 1) * i + last) // (2 * last)


def reduce_nearest(x, factor: int):
  """Returns `x` with both sides divided by `factor`, corners aligned."""
  _, height, width, _ = x.shape
  x = jnp.take(x, nearest_source_indices(height, factor), axis=1)
  return jnp.take(x, nearest_source_indices(width, factor), axis=2)


@jax.jit  # so that `export` finds it by its name
def upsample_x2(x):
  """Returns `x` with every pixel repeated as a block of 2 x 2."""
  batch, height, width, channels = x.shape
  x = jnp.broadcast_to(
    x[:, :, None, :, None, :], (batch, height, 2, width, 2, channels)
  )
  return x.reshape(batch, 2 * height, 2 * width, channels)
