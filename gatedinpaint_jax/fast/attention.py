"""Contextual attention, computed as suits the size and the machine."""

import jax
from jax import export

from gatedinpaint_jax.fast import chunked_attention, pixel_attention
from gatedinpaint_jax.layers import contextual_attention

# 512 x 512 pixels, where with 96 channels on one CPU core (forward, with
# gradient; benchmarks/attention.py)
#   at once   0.81 s, 1.45 s   0.27 GB, 0.49 GB
#   in tiles  1.18 s, 3.2 s    0.09 GB, 0.13 GB
# At 256 x 256, at once takes 0.021 s and tiles 0.051 s. At 1024 x 1024, at once
# would take 16 times the memory of 512 x 512.
MOST_PLACES_AT_ONCE = 64 * 64


def attend(queries, keys, values, is_source, **options):
  """Equals `layers.contextual_attention.attend`; for this machine."""
  form = attend_by_size
  if jax.default_backend() == "cpu" and not _is_large(queries):
    form = pixel_attention.attend
  return form(queries, keys, values, is_source, **options)


def attend_by_size(queries, keys, values, is_source, **options):
  """Equals `layers.contextual_attention.attend`; for exported programs.

  Large pictures are computed in tiles, in memory that grows with the number of
  places and not with its square.
  """
  form = chunked_attention if _is_large(queries) else contextual_attention
  return form.attend(queries, keys, values, is_source, **options)


def _is_large(queries) -> bool:
  places = queries.shape[1] * queries.shape[2]
  # Symbolic sizes of an export cannot be cut into tiles.
  return not export.is_symbolic_dim(places) and places > MOST_PLACES_AT_ONCE
