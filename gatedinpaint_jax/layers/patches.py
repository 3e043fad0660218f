"""The patches that contextual attention compares and copies.

Padded by one pixel on each side, features of 2 h x 2 w are h + 1 by w + 1
*squares* of 2 x 2 pixels, written as 4 C channels. The 4 x 4 patch of place
(r, c) is the four squares from (r, c) to (r + 1, c + 1), 16 C channels. All
functions but `around_places` take any leading axes.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax


def around_places(x):
  """Returns the 3 x 3 patches `[B, h * w, 9 C]` of `[B, h, w, C]`.

  Zeros lie around the picture.
  """
  batch, rows, columns, channels = x.shape
  x = _pad(x, (1, 1), (1, 1))
  taps = [
    _slice(x, i, j, rows=rows, columns=columns) for i, j in np.ndindex(3, 3)
  ]
  return jnp.concatenate(taps, -1).reshape(batch, rows * columns, 9 * channels)


def norm(square):
  """Returns the norm of patches from its square, 1e-4 at least."""
  # max before the root: the gradient of the root is infinite at 0.
  return jnp.sqrt(jnp.maximum(square, 1e-4**2))


def to_squares(features):
  """Returns the squares `[..., h + 1, w + 1, 4 C]` of `[..., 2 h, 2 w, C]`."""
  x = _pad(features, (1, 1), (1, 1))
  # Not by a transposition, so that exported graphs see columns of channels.
  return jnp.concatenate(
    [_slice(x, i, j, step=2) for i, j in np.ndindex(2, 2)], axis=-1
  )


def from_squares(squares):
  """Returns the features `[..., 2 h, 2 w, C]` of `[..., h + 1, w + 1, 4 C]`."""
  *batch, rows, columns, channels = squares.shape
  x = squares.reshape(*batch, rows, columns, 2, 2, channels // 4)
  x = jnp.swapaxes(x, -4, -3)
  x = x.reshape(*batch, 2 * rows, 2 * columns, channels // 4)
  return _slice(x, 1, 1, rows=2 * rows - 2, columns=2 * columns - 2)


def corners(squares):
  """Returns the patches `[..., h, w, 16 C]` of `[..., h + 1, w + 1, 4 C]`."""
  *_, rows, columns, _ = squares.shape
  parts = [
    _slice(squares, i, j, rows=rows - 1, columns=columns - 1)
    for i, j in np.ndindex(2, 2)
  ]
  return jnp.concatenate(parts, axis=-1)


def add_corners(patches):
  """Returns the squares `[..., h + 1, w + 1, 4 C]` that patches add up to."""
  parts = jnp.split(patches, 4, axis=-1)
  return sum(
    _pad(part, (i, 1 - i), (j, 1 - j))
    for part, (i, j) in zip(parts, np.ndindex(2, 2), strict=True)
  )


def _pad(x, rows, columns):
  return jnp.pad(x, [(0, 0)] * (x.ndim - 3) + [rows, columns, (0, 0)])


def _slice(x, row, column, *, rows=None, columns=None, step=1):
  """Returns a part of the rows and columns, those to the end for None.

  As `x[..., row : row + rows, column : column + columns, :]`, which becomes a
  gather when sizes are symbolic.
  """
  *batch, height, width, channels = x.shape
  rows = height - row if rows is None else rows
  columns = width - column if columns is None else columns
  return lax.slice(
    x,
    (*[0] * len(batch), row, column, 0),
    (*batch, row + rows, column + columns, channels),
    (*[1] * len(batch), step, step, 1),
  )
