"""Contextual attention with all scores of a picture at once.

What `contextual_attention` computes is written down here; `chunked_attention`
computes the same in bounded memory.
"""

import jax
import jax.numpy as jnp

_KEY_NORM_FLOOR = 1e-4


def attend(queries, keys, values, is_source, *, fuse, softmax_scale):
  """Rebuilds pictures of patches of `values`.

  Args:
    queries: `[B, h, w, C]`, compared by their 3 x 3 patches ...
    keys: `[B, h, w, C]` ... with those of `keys`.
    values: `[B, 2 h, 2 w, C]`, of which 4 x 4 patches are copied.
    is_source: `[B, P] float32`, P = h * w places in row-major order; 0 where
      nothing may be copied from, else 1.
    fuse: as of `contextual_attention`.
    softmax_scale: as of `contextual_attention`.

  Returns:
    The rebuilt features `[B, 2 h, 2 w, C] float32` and the strongest source of
    each place `[B, P] int32`, the first one among equals, 0 if there is none.
  """
  batch, rows, columns, channels = queries.shape
  weights = attention(
    queries, keys, is_source, fuse=fuse, softmax_scale=softmax_scale
  )
  copied = jnp.einsum(
    "bqp,bpk->bqk",
    weights.astype(values.dtype),
    patches(values, size=4, stride=2),  # [B, P, 16 C]
    preferred_element_type=jnp.float32,
  )
  features = _overlap(copied.reshape(batch, rows, columns, 4, 4, channels))
  return features, jnp.argmax(weights, axis=-1).astype(jnp.int32)


def attention(queries, keys, is_source, *, fuse, softmax_scale):
  """Returns `[B, P, P] float32`, of each place to all; sums to 1 at most."""
  _, rows, columns, _ = queries.shape
  scores = jnp.einsum(
    "bqk,bpk->bqp",
    patches(queries, size=3, stride=1),
    unit_keys(patches(keys, size=3, stride=1)),
    preferred_element_type=jnp.float32,
  )
  if fuse:
    scores = _fuse(scores, rows, columns)
  # As released: places in the hole keep a score of 0 and take part in the
  # softmax, and only what they win is discarded.
  is_source = is_source[:, None, :]
  return jax.nn.softmax(softmax_scale * scores * is_source) * is_source


def patches(x, *, size, stride):
  """Returns the patches `[B, P, size * size * C]` around places, row-major."""
  batch, height, width, channels = x.shape
  rows, columns = height // stride, width // stride
  x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
  high, wide = stride * (rows - 1) + 1, stride * (columns - 1) + 1
  # As x[:, i : i + high : stride, ...], which symbolic sizes make a gather.
  taps = [
    jax.lax.slice(
      x,
      (0, i, j, 0),
      (batch, i + high, j + wide, channels),
      (1, stride, stride, 1),
    )
    for i in range(size)
    for j in range(size)
  ]
  taps = jnp.concatenate(taps, axis=-1)
  return taps.reshape(batch, rows * columns, size * size * channels)


def unit_keys(patches):
  """Returns `patches` over their length along the last axis.

  Only what is copied from is normalised: scores grow with the queries.
  """
  square = jnp.sum(jnp.square(patches.astype(jnp.float32)), -1, keepdims=True)
  # max before the root: the gradient of the root is infinite at 0.
  norm = jnp.sqrt(jnp.maximum(square, _KEY_NORM_FLOOR**2))
  return (patches / norm).astype(patches.dtype)


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
