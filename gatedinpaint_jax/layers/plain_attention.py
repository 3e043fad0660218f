"""Contextual attention with all scores of a picture at once.

What `contextual_attention` computes is written down here; `chunked_attention`
computes the same in bounded memory. No patch of features is ever built: pixels
are compared with pixels, and the products of two patches are a sum of those.
That is a fifth of the multiplications.
"""

import jax
import jax.numpy as jnp

from gatedinpaint_jax.layers import pair_sums, value_squares

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
  weights = attention(
    queries, keys, is_source, fuse=fuse, softmax_scale=softmax_scale
  )
  return _paste(weights, values), _strongest(weights)


def attention(queries, keys, is_source, *, fuse, softmax_scale):
  """Returns `[B, P, P] float32`, of each place to all; sums to 1 at most."""
  _, rows, columns, _ = queries.shape
  scores = _match(queries, keys)
  if fuse:
    scores = _fuse(scores, rows, columns)
  # As released: places in the hole keep a score of 0 and take part in the
  # softmax, and only what they win is discarded.
  is_source = is_source[:, None, :]
  return jax.nn.softmax(softmax_scale * scores * is_source) * is_source


def _strongest(weights):
  """Returns `[B, P] int32`, which weight is the greatest, the first if several.

  0 if one is not a number. As a minimum of floats, which XLA vectorises on
  CPUs, unlike an argmax.
  """
  best = jnp.max(weights, axis=-1, keepdims=True)
  places = jnp.arange(weights.shape[-1], dtype=jnp.float32)
  source = jnp.min(jnp.where(weights == best, places, jnp.inf), axis=-1)
  return jnp.where(source < jnp.inf, source, 0).astype(jnp.int32)


def _match(queries, keys):
  """Returns `[B, P, P] float32`, patches of queries times unit ones of keys."""
  batch, rows, columns, channels = queries.shape
  places = rows * columns
  products = jnp.einsum(
    "bqc,bpc->bqp",
    queries.reshape(batch, places, channels),
    keys.reshape(batch, places, channels),
    preferred_element_type=jnp.float32,
  )
  products = products.reshape(batch, rows, columns, rows, columns)
  products = pair_sums.sum_pairs(products, (1, 3), 3, 1)
  products = pair_sums.sum_pairs(products, (2, 4), 3, 1)
  scores = products.reshape(batch, places, places)
  return scores / _key_lengths(keys)[:, None]


def patches(x):
  """Returns the 3 x 3 patches `[B, P, 9 C]` around places, row-major."""
  batch, rows, columns, channels = x.shape
  x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
  # As x[:, i : i + rows, ...], which symbolic sizes make a gather.
  taps = [
    jax.lax.slice(x, (0, i, j, 0), (batch, i + rows, j + columns, channels))
    for i in range(3)
    for j in range(3)
  ]
  taps = jnp.concatenate(taps, axis=-1)
  return taps.reshape(batch, rows * columns, 9 * channels)


def _key_lengths(keys):
  """Returns `[B, P] float32`, how long the 3 x 3 patches of keys are.

  Only what is copied from is normalised: scores grow with the queries.
  """
  square = jnp.sum(jnp.square(keys.astype(jnp.float32)), -1, keepdims=True)
  return length(jnp.sum(patches(square), axis=-1))


def length(square):
  """Returns the root of squared lengths of patches, 1e-4 at least."""
  # max before the root: the gradient of the root is infinite at 0.
  return jnp.sqrt(jnp.maximum(square, _KEY_NORM_FLOOR**2))


def _fuse(scores, rows, columns):
  """Adds to each score those of the neighbouring pairs, along rows and columns.

  Neighbours are neighbours in the flat index: the end of a row is next to the
  beginning of the row below, as in the released program.
  """
  batch, places, _ = scores.shape
  scores = pair_sums.sum_pairs(scores, (1, 2), 3, 1)
  scores = scores.reshape(batch, rows, columns, rows, columns)
  scores = scores.transpose(0, 2, 1, 4, 3).reshape(batch, places, places)
  scores = pair_sums.sum_pairs(scores, (1, 2), 3, 1)
  scores = scores.reshape(batch, columns, rows, columns, rows)
  return scores.transpose(0, 2, 1, 4, 3).reshape(batch, places, places)


def _paste(weights, values):
  """Returns the mean `[B, 2 h, 2 w, C] float32` of weighted 4 x 4 patches.

  They are laid at stride 2. Four meet at every pixel of the inside; at the
  border fewer do, and the sum is divided by four all the same, as in the
  released program.
  """
  batch, height, width, _ = values.shape
  rows, columns = height // 2, width // 2
  weights = weights.reshape(batch, rows, columns, rows, columns)
  # Of patches that overlap, four bring the same square to the same square.
  weights = pair_sums.sum_pairs(weights, (1, 3), 2, 1)
  weights = pair_sums.sum_pairs(weights, (2, 4), 2, 1)
  count = (rows + 1) * (columns + 1)
  squares = jax.vmap(value_squares.from_features)(values)
  copied = jnp.einsum(
    "bqp,bpk->bqk",
    weights.astype(values.dtype).reshape(batch, count, count),
    squares.reshape(batch, count, -1),
    preferred_element_type=jnp.float32,
  )
  return jax.vmap(value_squares.to_features)(copied.reshape(squares.shape)) / 4
