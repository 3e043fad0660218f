"""Says before a picture is computed that it would not fit in memory."""

import jax
import psutil

from gatedinpaint_jax import errors
from gatedinpaint_jax.fast import attention as fast_attention

# Measured on a CPU, of the whole process and above what it holds without a
# picture: four pictures of 256 x 256 took 170 MB, one of 512 x 512 490 MB, of
# 1024 x 1024 480 MB and of 2048 x 2048 1.6 GB. Up to a size the attention holds
# some float32 scores for every pair of places on its grid, an eighth of the
# picture.
_BYTES_PER_PIXEL = 450
_SCORES_PER_PAIR = 6
# Above it, some tiles of scores.
_ATTENTION_IN_PIECES = 120 * 10**6
# Accelerators were not measured.
_BYTES_PER_PIXEL_OF_ACCELERATORS = 850
# What each device has of the whole picture if they share its rows: all keys and
# values, and the rows above and below its own. On two cores pictures of 1024 x
# 1024 took 0.8 GB in all, of 2048 x 2048 2.5 GB.
_BYTES_PER_PIXEL_OF_ALL = 120


class TooLargeError(errors.UserError):
  """A batch that needs more memory than is free; callers add advice."""


def needed(pictures: int, height: int, width: int, *, devices: int = 1) -> int:
  """Returns about how many bytes the generator takes for a batch.

  Args:
    pictures: of the batch.
    height: of each, padded.
    width: likewise.
    devices: that share the rows of each picture; the answer is for one.
  """
  is_host = is_of_the_host()
  places = (height // 8) * (width // 8)
  attention = _ATTENTION_IN_PIECES
  if places <= fast_attention.MOST_PLACES_AT_ONCE:
    attention = 4 * _SCORES_PER_PAIR * places**2
    if is_host:  # accelerators each hold all scores
      attention /= devices
  per_pixel = _BYTES_PER_PIXEL if is_host else _BYTES_PER_PIXEL_OF_ACCELERATORS
  per_pixel /= devices
  if devices > 1:
    per_pixel += _BYTES_PER_PIXEL_OF_ALL
  return pictures * round(attention + per_pixel * height * width)


def is_of_the_host() -> bool:
  """Returns whether the devices have no memory of their own, as on a CPU."""
  stats = jax.local_devices()[0].memory_stats()
  return not stats or "bytes_limit" not in stats


def available() -> int:
  """Returns how many bytes are free on every device or, on a CPU, here."""
  if is_of_the_host():
    return psutil.virtual_memory().available
  stats = [device.memory_stats() for device in jax.local_devices()]
  return min(s["bytes_limit"] - s["bytes_in_use"] for s in stats)


def fits(pictures: int, height: int, width: int, *, devices: int = 1) -> bool:
  """Returns whether the batch of `needed` fits in what is free."""
  return needed(pictures, height, width, devices=devices) <= available()


def check_fits(pictures: int, height: int, width: int) -> None:
  """Raises TooLargeError if a batch needs more than a device has free."""
  bytes_needed, bytes_free = needed(pictures, height, width), available()
  if bytes_needed > bytes_free:
    count = f"{pictures} pictures of " if pictures > 1 else ""
    raise TooLargeError(
      f"{count}{height} x {width} pixels need about {bytes_needed / 1e9:.1f} GB"
      f" and {bytes_free / 1e9:.1f} GB are free"
    )
