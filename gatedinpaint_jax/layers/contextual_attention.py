"""Contextual attention: fill the hole with patches copied from the known area.

Every place is compared with every other by its 3 x 3 neighbourhood; what is
copied are the 4 x 4 patches of the full-size features around the best matches,
overlapped and averaged. Each picture of a batch has its own hole.

Source: Yu et al. 2018 (Generative Image Inpainting with Contextual Attention),
section 4, as the released program of Yu et al. 2019 computes it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import export

from gatedinpaint_jax.layers import chunked_attention, plain_attention, resize

# Features are compared at half of their resolution.
_RATE = 2
# 512 x 512 pixels. On one core of a CPU, 96 channels, all at once takes 0.021 s
# at 256 x 256 and pieces 0.051 s, here 0.81 and 1.18 s, with the gradient 1.45
# and 3.2 s, but 0.27 GB instead of 0.09, with the gradient 0.49 instead of
# 0.13. At 1024 x 1024 it would be 16 times as much (benchmarks/attention.py).
MOST_PLACES_AT_ONCE = 64 * 64


class Attended(NamedTuple):
  """What `contextual_attention` returns.

  Attributes:
    features: `[B, H, W, C]`, of the dtype of the queries.
    offsets: `[B, H/2, W/2, 2] int32`, (rows, columns) from each place to its
      strongest source, the first one among equals. No gradient.
  """

  features: jax.Array
  offsets: jax.Array


def contextual_attention(
  queries: jax.Array,
  background: jax.Array,
  mask: jax.Array,
  *,
  fuse: bool = True,
  softmax_scale: float = 10.0,
) -> Attended:
  """Rebuilds `queries` of patches of `background` outside the hole.

  Large pictures are computed in pieces, in memory that grows with the number of
  places and not with its square; the result is the same.

  Args:
    queries: `[B, H, W, C]` features to rebuild; H and W are even.
    background: features of the same shape to copy from.
    mask: `[B, H, W, 1]`, 1 = hole. A patch that touches it is no source. If
      nothing is a source, the features are 0.
    fuse: prefer sources that are neighbours where the places are neighbours.
    softmax_scale: larger makes the choice of a source harder.

  Returns:
    The rebuilt features and the offsets.

  Raises:
    ValueError: if the shapes do not fit or a side is odd.
  """
  _check_shapes(queries, background, mask)
  _, height, width, _ = queries.shape
  rows, columns = height // _RATE, width // _RATE
  # Sizes that are not known yet, in an export, cannot be cut into pieces.
  is_known = not export.is_symbolic_dim(rows * columns)
  is_large = is_known and rows * columns > MOST_PLACES_AT_ONCE
  attend = chunked_attention.attend if is_large else plain_attention.attend
  features, source = attend(
    resize.reduce_nearest(queries, _RATE),
    resize.reduce_nearest(background, _RATE),
    background,
    _is_source(resize.reduce_nearest(mask, _RATE)),
    fuse=fuse,
    softmax_scale=softmax_scale,
  )
  return Attended(
    features=features.astype(queries.dtype),
    offsets=_offsets(source, rows, columns),
  )


def _check_shapes(queries, background, mask):
  if queries.shape != background.shape:
    raise ValueError(
      f"queries {queries.shape} and background {background.shape} differ."
    )
  if mask.shape != (*queries.shape[:-1], 1):
    raise ValueError(f"mask {mask.shape} does not fit queries {queries.shape}.")


def _is_source(mask):
  """Returns `[B, P] float32`, 1 where the 3 x 3 patch holds no hole, else 0."""
  touched = jnp.max(plain_attention.patches(mask), axis=-1)
  return (touched == 0).astype(jnp.float32)


def _offsets(source, rows, columns):
  """Returns `[B, h, w, 2] int32` from each place to its strongest source."""
  source = source.reshape(-1, rows, columns)
  source = jnp.stack(jnp.divmod(source, columns), axis=-1)
  own = jnp.stack(
    jnp.meshgrid(jnp.arange(rows), jnp.arange(columns), indexing="ij"), axis=-1
  )
  return (source - own[None]).astype(jnp.int32)
