"""Contextual attention from products of pixels, for CPUs.

Equal to `layers.contextual_attention.attend`. No patch of features is built:
pixels are compared with pixels, and the product of two patches is a sum of
those. That is a fifth of the multiplications, in half of the time on a CPU
(`benchmarks/attention.py`); matrix units multiply faster than they add.
"""

import jax
import jax.numpy as jnp
from jax import lax

from gatedinpaint_jax.fast import pair_sums
from gatedinpaint_jax.layers import patches


def attend(queries, keys, values, is_source, *, fuse, softmax_scale):
  """Does what `layers.contextual_attention.attend` does."""
  scores = _match(queries, keys)
  if fuse:
    scores = _fuse(scores)
  batch, rows, columns = scores.shape[:3]
  scores = scores.reshape(batch, rows * columns, rows * columns)
  is_source = is_source[:, None, :]
  attention = jax.nn.softmax(softmax_scale * scores * is_source) * is_source
  return _paste(attention, values), _strongest(attention)


def _match(queries, keys):
  """Returns `[B, h, w, h, w] float32`, patches of queries times unit keys."""
  square = jnp.sum(jnp.square(keys.astype(jnp.float32)), -1, keepdims=True)
  norms = patches.norm(jnp.sum(patches.around_places(square), axis=-1))
  # The zeros around take part, so that no product has to be padded.
  frame = lambda x: jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
  products = jnp.einsum(
    "brcx,bstx->brcst",
    frame(queries),
    frame(keys),
    preferred_element_type=jnp.float32,
  )
  products = pair_sums.sum_pairs(products, (1, 3), 3, (0, 0))
  products = pair_sums.sum_pairs(products, (2, 4), 3, (0, 0))
  return products / norms.reshape(keys.shape[:3])[:, None, None]


def _fuse(scores):
  """Adds to each score those of the neighbouring pairs; see `layers`."""
  shape = scores.shape
  batch, rows, columns = shape[:3]
  scores = scores.reshape(batch, rows * columns, rows * columns)
  scores = pair_sums.sum_pairs(scores, (1, 2), 3, (1, 1)).reshape(shape)
  scores = _continue_columns(_continue_columns(scores, 3, 4), 1, 2)
  return pair_sums.sum_pairs(scores, (1, 3), 3, (0, 0))


def _continue_columns(x, rows, columns):
  """Returns `x` with a row more above and below along the axis of rows.

  Above the first row is the last one moved by a column to the right, below the
  last row the first one moved to the left.
  """
  last = x.shape[rows]
  above = lax.slice_in_dim(x, last - 1, last, axis=rows)
  below = lax.slice_in_dim(x, 0, 1, axis=rows)
  size = x.shape[columns]
  zero = jnp.zeros_like(lax.slice_in_dim(above, 0, 1, axis=columns))
  above = lax.slice_in_dim(above, 0, size - 1, axis=columns)
  below = lax.slice_in_dim(below, 1, size, axis=columns)
  above = lax.concatenate([zero, above], columns)
  below = lax.concatenate([below, zero], columns)
  return lax.concatenate([above, x, below], rows)


def _strongest(attention):
  """Returns `[B, P] int32`, the argmax, the first one among equals.

  0 if one is not a number. As a minimum of floats, which XLA vectorises on
  CPUs, unlike an argmax.
  """
  best = jnp.max(attention, axis=-1, keepdims=True)
  places = jnp.arange(attention.shape[-1], dtype=jnp.float32)
  source = jnp.min(jnp.where(attention == best, places, jnp.inf), axis=-1)
  return jnp.where(source < jnp.inf, source, 0).astype(jnp.int32)


def _paste(attention, values):
  """Returns the mean `[B, 2 h, 2 w, C] float32` of weighted 4 x 4 patches."""
  batch, height, width, _ = values.shape
  rows, columns = height // 2, width // 2
  weights = attention.reshape(batch, rows, columns, rows, columns)
  # Of patches that overlap, four bring the same square to the same square.
  weights = pair_sums.sum_pairs(weights, (1, 3), 2, (1, 1))
  weights = pair_sums.sum_pairs(weights, (2, 4), 2, (1, 1))
  pasted = jnp.einsum(
    "brcst,bstx->brcx",
    weights.astype(values.dtype),
    patches.to_squares(values),
    preferred_element_type=jnp.float32,
  )
  return patches.from_squares(pasted) / 4
