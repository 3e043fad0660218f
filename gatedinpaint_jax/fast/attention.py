"""The form of contextual attention that suits the size of the picture."""

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


def attend(queries, *args, **kwargs):
  """Equals `layers.contextual_attention.attend`, with less memory.

  Large pictures are computed in tiles, in memory that grows with the number of
  places and not with its square.
  """
  form = chunked_attention if _is_large(queries) else contextual_attention
  return form.attend(queries, *args, **kwargs)


def attend_on_cpu(queries, *args, **kwargs):
  """Equals `attend`, but is faster on a CPU."""
  form = chunked_attention if _is_large(queries) else pixel_attention
  return form.attend(queries, *args, **kwargs)


def _is_large(queries) -> bool:
  places = queries.shape[1] * queries.shape[2]
  # Symbolic sizes of an export cannot be cut into tiles.
  return not export.is_symbolic_dim(places) and places > MOST_PLACES_AT_ONCE
