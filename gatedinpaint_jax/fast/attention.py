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


def attend(queries, keys, values, is_source, **options):
  """Does what `layers.contextual_attention.attend` does, for this machine."""
  form = attend_by_size
  if jax.default_backend() == "cpu" and not _is_large(queries):
    form = pixel_attention.attend
  return form(queries, keys, values, is_source, **options)


def attend_by_size(queries, keys, values, is_source, **options):
  """Does the same for any machine, as an exported program needs it.

  Large pictures are computed in pieces, in memory that grows with the number of
  places and not with its square.
  """
  form = chunked_attention if _is_large(queries) else contextual_attention
  return form.attend(queries, keys, values, is_source, **options)


def _is_large(queries) -> bool:
  places = queries.shape[1] * queries.shape[2]
  # Sizes that are not known yet, in an export, cannot be cut into pieces.
  return not export.is_symbolic_dim(places) and places > MOST_PLACES_AT_ONCE
