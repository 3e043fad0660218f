"""The features that attention copies, as squares of 2 x 2 pixels.

Padded by one pixel on each side, features of 2 h x 2 w are `[h + 1, w + 1]`
squares of 4 C numbers, and the 4 x 4 patch of place (r, c) is the squares
(r, c), (r, c + 1), (r + 1, c) and (r + 1, c + 1).
"""

import jax.numpy as jnp
import numpy as np
from jax import lax


def from_features(features):
  """Returns the squares `[h + 1, w + 1, 4 C]` of `[2 h, 2 w, C]`."""
  x = jnp.pad(features, ((1, 1), (1, 1), (0, 0)))
  # Not by a transposition, so that exported graphs see columns of channels.
  pixels = [
    lax.slice(x, (i, j, 0), x.shape, (2, 2, 1)) for i, j in np.ndindex(2, 2)
  ]
  return jnp.concatenate(pixels, axis=-1)


def to_features(squares):
  """Returns the features `[2 h, 2 w, C]` of `[h + 1, w + 1, 4 C]`."""
  rows, columns, _ = squares.shape
  x = squares.reshape(rows, columns, 2, 2, -1).transpose(0, 2, 1, 3, 4)
  return x.reshape(2 * rows, 2 * columns, -1)[1:-1, 1:-1]


def patches(squares):
  """Returns the patches `[R, w, 16 C]` of squares `[R + 1, w + 1, 4 C]`."""
  x = squares
  corners = [x[:-1, :-1], x[:-1, 1:], x[1:, :-1], x[1:, 1:]]
  return jnp.concatenate(corners, axis=-1)


def overlap(patches):
  """Returns the sums of patches where they lie, as squares."""
  corners = jnp.split(patches, 4, axis=-1)
  return sum(
    jnp.pad(corner, ((i, 1 - i), (j, 1 - j), (0, 0)))
    for corner, (i, j) in zip(corners, np.ndindex(2, 2), strict=True)
  )
