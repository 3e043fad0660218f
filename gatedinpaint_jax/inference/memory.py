"""Says before a picture is computed that it would not fit in memory."""

import jax
import psutil

from gatedinpaint_jax import errors
from gatedinpaint_jax.layers import contextual_attention

# Measured on a CPU: four pictures of 256 x 256 take 300 MB, one of 1024 x 1024
# 740 MB and of 2048 x 2048 2.5 GB. Up to a size the attention holds about five
# float32 scores for every pair of places on its grid, an eighth of the picture.
_BYTES_PER_PIXEL = 850
_SCORES_PER_PAIR = 5
# Above it, some tiles of scores.
_ATTENTION_IN_PIECES = 120 * 10**6


def needed(pictures: int, height: int, width: int) -> int:
  """Returns about how many bytes the generator takes for a batch."""
  places = (height // 8) * (width // 8)
  attention = _ATTENTION_IN_PIECES
  if places <= contextual_attention.MOST_PLACES_AT_ONCE:
    attention = 4 * _SCORES_PER_PAIR * places**2
  return pictures * (attention + _BYTES_PER_PIXEL * height * width)


def available() -> int:
  """Returns how many bytes are free on the first device or, a CPU, here."""
  stats = jax.devices()[0].memory_stats()
  if stats and "bytes_limit" in stats:
    return stats["bytes_limit"] - stats["bytes_in_use"]
  return psutil.virtual_memory().available


def check_fits(pictures: int, height: int, width: int) -> None:
  """Raises UserError if a batch needs more memory than is free."""
  bytes_needed, bytes_free = needed(pictures, height, width), available()
  if bytes_needed > bytes_free:
    count = f"{pictures} pictures of " if pictures > 1 else ""
    raise errors.UserError(
      f"{count}{height} x {width} pixels need about {bytes_needed / 1e9:.1f} GB"
      f" and {bytes_free / 1e9:.1f} GB are free; fill only the neighbourhood of"
      " the hole (--crop_to_hole) or make the picture smaller"
    )
