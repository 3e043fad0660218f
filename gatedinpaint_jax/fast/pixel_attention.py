"""Contextual attention from products of pixels, for CPUs.

Equal to `layers.contextual_attention.attend`, without patches of features:
pixels are compared with pixels, and the product of two patches is a sum of
products of pixels. That takes a fifth of the multiplications and half of the
time on a CPU (`benchmarks/attention.py`). Matrix units multiply faster than
they add, so accelerators use the plain form.
"""

import jax
import jax.numpy as jnp

from gatedinpaint_jax.fast import pair_sums
from gatedinpaint_jax.layers import contextual_attention, patches


def attend(queries, keys, values, is_source, *, fuse, softmax_scale):
  """Equals `layers.contextual_attention.attend`."""
  scores = _match(queries, keys)
  if fuse:
    scores = _fuse(scores)
  batch, rows, columns = scores.shape[:3]
  scores = scores.reshape(batch, rows * columns, rows * columns)
  is_source = is_source[:, None, :]
  attention = jax.nn.softmax(softmax_scale * scores * is_source) * is_source
  return _paste(attention, values), _strongest(attention), attention


def _match(queries, keys):
  """Returns `[B, h, w, h, w] float32`, patches of queries times unit keys."""
  square = jnp.sum(jnp.square(keys.astype(jnp.float32)), -1, keepdims=True)
  norms = patches.norm(jnp.sum(patches.around_places(square), axis=-1))
  # With a border of zeros, no product has to be padded.
  frame = lambda x: jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
  products = jnp.einsum(
    "brcx,bstx->brcst",
    frame(queries),
    frame(keys),
    preferred_element_type=jnp.float32,
  )
  products = pair_sums.sum_pairs(products, (1, 3), 3, 0)
  products = pair_sums.sum_pairs(products, (2, 4), 3, 0)
  return products / norms.reshape(keys.shape[:3])[:, None, None]


def _fuse(scores):
  """Adds the scores of neighbouring pairs, see `layers`."""
  batch, rows, columns = scores.shape[:3]
  scores = scores.reshape(batch, rows * columns, rows * columns)
  scores = pair_sums.sum_pairs(scores, (1, 2), 3, 1)
  for axis in (1, 2):
    scores = contextual_attention.continue_columns(scores, axis, rows, columns)
  scores = scores.reshape(batch, rows + 2, columns, rows + 2, columns)
  return pair_sums.sum_pairs(scores, (1, 3), 3, 0)


def _strongest(attention):
  """Returns the argmax `[B, P] int32`, the first one among equals; 0 for NaN.

  Computed as a minimum of floats: XLA:CPU does not vectorize an argmax.
  """
  best = jnp.max(attention, axis=-1, keepdims=True)
  places = jnp.arange(attention.shape[-1], dtype=jnp.float32)
  source = jnp.min(jnp.where(attention == best, places, jnp.inf), axis=-1)
  return jnp.where(source < jnp.inf, source, 0).astype(jnp.int32)


def square_weights(attention, rows, columns):
  """Returns the weight of each square in each, `[B, h+1, w+1, h+1, w+1]`.

  It is that of the four overlapping patches which copy one to the other.
  Squares are those of `layers.patches`; rows and columns are of the places.
  """
  weights = attention.reshape(-1, rows, columns, rows, columns)
  weights = pair_sums.sum_pairs(weights, (1, 3), 2, 1)
  return pair_sums.sum_pairs(weights, (2, 4), 2, 1)


def _paste(attention, values):
  """Returns the mean `[B, 2 h, 2 w, C] float32` of weighted 4 x 4 patches."""
  _, height, width, _ = values.shape
  weights = square_weights(attention, height // 2, width // 2)
  pasted = jnp.einsum(
    "brcst,bstx->brcx",
    weights.astype(values.dtype),
    patches.to_squares(values),
    preferred_element_type=jnp.float32,
  )
  return patches.from_squares(pasted) / 4
