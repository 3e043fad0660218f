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

from gatedinpaint_jax.layers import resize

# Features are compared at half of their resolution.
_RATE = 2
_KEY_NORM_FLOOR = 1e-4


class Attended(NamedTuple):
  """What `contextual_attention` returns.

  Attributes:
    features: `[B, H, W, C]`, of the dtype of the queries.
    attention: `[B, H/2, W/2, P] float32`, P = H/2 * W/2 source places in
      row-major order; sums over P to 1 at most.
    offsets: `[B, H/2, W/2, 2] int32`, (rows, columns) from each place to its
      strongest source, the first one among equals. No gradient.
  """

  features: jax.Array
  attention: jax.Array
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

  Args:
    queries: `[B, H, W, C]` features to rebuild; H and W are even.
    background: features of the same shape to copy from.
    mask: `[B, H, W, 1]`, 1 = hole. A patch that touches it is no source. If
      nothing is a source, the features are 0.
    fuse: prefer sources that are neighbours where the places are neighbours.
    softmax_scale: larger makes the choice of a source harder.

  Returns:
    The rebuilt features, the attention and the offsets.

  Raises:
    ValueError: if the shapes do not fit or a side is odd.
  """
  _check_shapes(queries, background, mask)
  batch, height, width, channels = queries.shape
  rows, columns = height // _RATE, width // _RATE
  small_queries = resize.reduce_nearest(queries, _RATE)
  small_background = resize.reduce_nearest(background, _RATE)
  is_source = _is_source(resize.reduce_nearest(mask, _RATE))  # [B, 1, P]

  scores = _match(small_queries, small_background)  # [B, P, P]
  if fuse:
    scores = _fuse(scores, rows, columns)
  # As released: places in the hole keep a score of 0 and take part in the
  # softmax, and only what they win is discarded.
  attention = jax.nn.softmax(softmax_scale * scores * is_source) * is_source

  patches = _patches(background, size=4, stride=2)  # [B, P, 16 C]
  pasted = jnp.einsum(
    "bqp,bpk->bqk",
    attention.astype(queries.dtype),
    patches,
    preferred_element_type=jnp.float32,
  )
  features = _overlap(pasted.reshape(batch, rows, columns, 4, 4, channels))
  return Attended(
    features=features.astype(queries.dtype),
    attention=attention.reshape(batch, rows, columns, -1),
    offsets=_offsets(attention, rows, columns),
  )


def _check_shapes(queries, background, mask):
  if queries.shape != background.shape:
    raise ValueError(
      f"queries {queries.shape} and background {background.shape} differ."
    )
  if mask.shape != (*queries.shape[:-1], 1):
    raise ValueError(f"mask {mask.shape} does not fit queries {queries.shape}.")


def _is_source(mask):
  """Returns `[B, 1, P]`, 1 where the 3 x 3 patch holds no hole, else 0."""
  touched = jnp.max(_patches(mask, size=3, stride=1), axis=-1)
  return (touched == 0).astype(jnp.float32)[:, None, :]


def _match(queries, background):
  """Returns the scores `[B, P, P] float32` of every place and source.

  Only the sources are normalised: scores grow with the queries.
  """
  keys = _patches(background, size=3, stride=1)
  square = jnp.sum(jnp.square(keys.astype(jnp.float32)), -1, keepdims=True)
  # max before the root: the gradient of the root is infinite at 0.
  norm = jnp.sqrt(jnp.maximum(square, _KEY_NORM_FLOOR**2))
  return jnp.einsum(
    "bqk,bpk->bqp",
    _patches(queries, size=3, stride=1),
    (keys / norm).astype(keys.dtype),
    preferred_element_type=jnp.float32,
  )


def _fuse(scores, rows, columns):
  """Adds to each score those of the neighbouring pairs, along rows and columns.

  Neighbours are neighbours in the flat index: the end of a row is next to the
  beginning of the row below, as in the released program.
  """
  batch, places, _ = scores.shape
  scores = _add_diagonal_neighbours(scores)
  scores = scores.reshape(batch, rows, columns, rows, columns)
  scores = scores.transpose(0, 2, 1, 4, 3).reshape(batch, places, places)
  scores = _add_diagonal_neighbours(scores)
  scores = scores.reshape(batch, columns, rows, columns, rows)
  return scores.transpose(0, 2, 1, 4, 3).reshape(batch, places, places)


def _add_diagonal_neighbours(scores):
  """Returns `s[i-1, j-1] + s[i, j] + s[i+1, j+1]`, zero beyond the matrix."""
  padded = jnp.pad(scores, ((0, 0), (1, 1), (1, 1)))
  return padded[:, :-2, :-2] + scores + padded[:, 2:, 2:]


def _patches(x, *, size, stride):
  """Returns the patches `[B, P, size * size * C]` around places, row-major."""
  batch, height, width, channels = x.shape
  rows, columns = height // stride, width // stride
  x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
  taps = [
    x[:, i : i + stride * rows : stride, j : j + stride * columns : stride]
    for i in range(size)
    for j in range(size)
  ]
  taps = jnp.concatenate(taps, axis=-1)
  return taps.reshape(batch, rows * columns, size * size * channels)


def _overlap(patches):
  """Averages 4 x 4 patches `[B, h, w, 4, 4, C]` laid at stride 2.

  Four patches meet at every pixel of the inside. At the border fewer do, and
  the sum is divided by four all the same, as in the released program.
  """
  batch, rows, columns, _, _, channels = patches.shape
  # A patch is four blocks of 2 x 2; block (p, q) of patch (i, j) lies at block
  # (i + p, j + q) of the result, which is padded by one pixel on each side.
  blocks = sum(
    jnp.pad(
      patches[:, :, :, 2 * p : 2 * p + 2, 2 * q : 2 * q + 2],
      ((0, 0), (p, 1 - p), (q, 1 - q), (0, 0), (0, 0), (0, 0)),
    )
    for p in (0, 1)
    for q in (0, 1)
  )
  pixels = blocks.transpose(0, 1, 3, 2, 4, 5).reshape(
    batch, 2 * (rows + 1), 2 * (columns + 1), channels
  )
  return pixels[:, 1:-1, 1:-1] / 4


def _offsets(attention, rows, columns):
  """Returns `[B, h, w, 2] int32` from each place to its strongest source."""
  source = jnp.argmax(attention, axis=-1).reshape(-1, rows, columns)
  source = jnp.stack(jnp.divmod(source, columns), axis=-1)
  own = jnp.stack(
    jnp.meshgrid(jnp.arange(rows), jnp.arange(columns), indexing="ij"), axis=-1
  )
  return (source - own[None]).astype(jnp.int32)
