"""Contextual attention, computed as suits the size and the machine."""

import jax
from jax import export

from gatedinpaint_jax.fast import chunked_attention, pixel_attention
from gatedinpaint_jax.layers import contextual_attention

# 512 x 512 pixels. On one core of a CPU, 96 channels, all at once takes 0.021 s
# at 256 x 256 and pieces 0.051 s, here 0.81 and 1.18 s, with the gradient 1.45
# and 3.2 s, but 0.27 GB instead of 0.09, with the gradient 0.49 instead of
# 0.13. At 1024 x 1024 it would be 16 times as much (benchmarks/attention.py).
MOST_PLACES_AT_ONCE = 64 * 64


def attend(queries, keys, values, is_source, *, fuse, softmax_scale):
  """Does what `layers.contextual_attention.attend` does.

  Large pictures are computed in pieces, in memory that grows with the number of
  places and not with its square.
  """
  places = queries.shape[1] * queries.shape[2]
  # Sizes that are not known yet, in an export, cannot be cut into pieces.
  if export.is_symbolic_dim(places):
    form = contextual_attention
  elif places > MOST_PLACES_AT_ONCE:
    form = chunked_attention
  elif jax.default_backend() == "cpu":
    form = pixel_attention
  else:
    form = contextual_attention
  return form.attend(
    queries,
    keys,
    values,
    is_source,
    fuse=fuse,
    softmax_scale=softmax_scale,
  )
