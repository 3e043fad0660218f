"""Estimates memory, to refuse a picture that would not fit before computing it.

The constants were measured on a CPU, as the growth of the process: 170 MB for
four pictures of 256 x 256, 490 MB for 512 x 512, 480 MB for 1024 x 1024 and
1.6 GB for 2048 x 2048.
"""

import jax
import psutil

from gatedinpaint_jax import errors
from gatedinpaint_jax.fast import attention as fast_attention

_BYTES_PER_PIXEL = 450
# Up to MOST_PLACES_AT_ONCE the attention holds some float32 scores for every
# pair of places on its grid, which has an eighth of the picture's sides.
_SCORES_PER_PAIR = 6
# Above, it holds a few tiles of scores.
_TILED_ATTENTION_BYTES = 120 * 10**6
# Accelerators were not measured.
_BYTES_PER_PIXEL_OF_ACCELERATORS = 850
# If devices share the rows of a picture, each also holds all keys and values,
# and the rows next to its own. Two cores took 0.8 GB together at 1024 x 1024
# and 2.5 GB at 2048 x 2048.
_SHARED_BYTES_PER_PIXEL = 120
# With detail: 1.2 GB for 3 channels of 4000 x 3000 pixels and 5.2 GB for 8000 x
# 6000, beside the reduced picture and with holes of more than half of them.
_BYTES_PER_VALUE_WITH_DETAIL = 36


class TooLargeError(errors.UserError):
  """A batch that needs more memory than is free; callers add advice."""


def needed(pictures: int, height: int, width: int, *, devices: int = 1) -> int:
  """Returns about how many bytes a batch takes on each device.

  `devices` is the number of devices that share the rows of each picture.
  """
  is_host = uses_host_memory()
  places = (height // 8) * (width // 8)
  attention = _TILED_ATTENTION_BYTES
  if places <= fast_attention.MOST_PLACES_AT_ONCE:
    attention = 4 * _SCORES_PER_PAIR * places**2
    if is_host:  # accelerators each hold all scores
      attention /= devices
  per_pixel = _BYTES_PER_PIXEL if is_host else _BYTES_PER_PIXEL_OF_ACCELERATORS
  per_pixel /= devices
  if devices > 1:
    per_pixel += _SHARED_BYTES_PER_PIXEL
  return pictures * round(attention + per_pixel * height * width)


def uses_host_memory() -> bool:
  """Returns whether the devices have no memory of their own, as on a CPU."""
  stats = jax.local_devices()[0].memory_stats()
  return not stats or "bytes_limit" not in stats


def available() -> int:
  """Returns how many bytes are free on each device, on a CPU in the host."""
  if uses_host_memory():
    return psutil.virtual_memory().available
  stats = [device.memory_stats() for device in jax.local_devices()]
  return min(s["bytes_limit"] - s["bytes_in_use"] for s in stats)


def fits(pictures: int, height: int, width: int, *, devices: int = 1) -> bool:
  """Returns whether the batch of `needed` fits in the free memory."""
  return needed(pictures, height, width, devices=devices) <= available()


def check_fits(pictures: int, height: int, width: int) -> None:
  """Raises TooLargeError if a batch needs more than a device has free."""
  bytes_needed, bytes_free = needed(pictures, height, width), available()
  if bytes_needed > bytes_free:
    count = f"{pictures} pictures of " if pictures > 1 else ""
    size = f"{count}{height} x {width} pixels"
    raise TooLargeError(_text(size, bytes_needed, bytes_free))


def check_fits_with_detail(height: int, width: int, channels: int) -> None:
  """Raises UserError if the host has too little free to fill with detail."""
  bytes_needed = _BYTES_PER_VALUE_WITH_DETAIL * height * width * channels
  bytes_free = psutil.virtual_memory().available
  if bytes_needed > bytes_free:
    size = f"{height} x {width} pixels with detail"
    advice = "; make the picture smaller"
    raise errors.UserError(_text(size, bytes_needed, bytes_free) + advice)


def _text(size, bytes_needed, bytes_free) -> str:
  return (
    f"{size} need about {bytes_needed / 1e9:.1f} GB and {bytes_free / 1e9:.1f} "
    "GB are free"
  )
