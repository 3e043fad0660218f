"""Says before a picture is computed that it would not fit in memory."""

import jax
import psutil

from gatedinpaint_jax import errors

# Measured on a CPU: the attention holds 4.2 float32 scores for every pair of
# places on its grid (an eighth of the picture) at 512 x 512 and 768 x 768; four
# pictures of 256 x 256 take 300 MB, which is 900 bytes a pixel beside that.
_SCORES_PER_PAIR = 5
_BYTES_PER_PIXEL = 900


def needed(pictures: int, height: int, width: int) -> int:
  """Returns about how many bytes the generator takes for a batch."""
  places = (height // 8) * (width // 8)
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
