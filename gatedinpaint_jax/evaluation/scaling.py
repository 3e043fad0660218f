"""Scales pictures of any type and channels to the size of an evaluation."""

import numpy as np
from PIL import Image

from gatedinpaint_jax import values as values_lib

# Strips longer than this many times what is cropped from them lose their ends
# before scaling: 1 x 10000 pixels would take gigabytes to become 256 x 256.
_MAX_LENGTHS = 16
# Minimum length of the rest, in pixels: the scaling filter reaches three pixels
# beyond the crop.
_MIN_TRIMMED = 8


def cover(
  image: np.ndarray,
  missing: np.ndarray,
  size: tuple[int, int],
  values: values_lib.Values,
) -> tuple[np.ndarray, np.ndarray]:
  """Scales a picture to cover a size and crops its middle.

  Takes and returns `[H, W, C]` and where it has no data, `[H, W] bool`, to
  which all belongs that it is mixed with.
  """
  image, missing = _trim(image, size), _trim(missing, size)
  height, width = image.shape[:2]
  # One side fits exactly, the other is cropped.
  scaled = (
    max(-(-height * size[1] // width), size[0]),
    max(-(-width * size[0] // height), size[1]),
  )
  if scaled == (height, width):
    pass
  elif values == values_lib.PHOTOGRAPHS and not missing.any():
    image, missing = _resize(image, scaled), np.zeros(scaled, bool)
  else:
    image, missing = _resize_values(image, missing, scaled, values)
  top, left = (scaled[0] - size[0]) // 2, (scaled[1] - size[1]) // 2
  middle = slice(top, top + size[0]), slice(left, left + size[1])
  return image[middle], missing[middle]


def _resize(image, size) -> np.ndarray:
  picture = Image.fromarray(np.ascontiguousarray(image))
  return np.asarray(picture.resize(size[::-1], Image.Resampling.LANCZOS))


def _resize_values(image, missing, size, values):
  """Scales each channel in float32, and rounds integers again."""
  planes = np.moveaxis(image.astype(np.float32), -1, 0)
  planes = np.where(missing, np.float32(np.nan), planes)
  scaled = np.stack([_resize(plane, size) for plane in planes], axis=-1)
  missing = np.isnan(scaled).any(axis=-1)
  pixels = values.cast(np.nan_to_num(scaled), image.dtype)
  if not missing.any():
    pass
  elif values.no_data is not None:
    pixels[missing] = values.no_data
  elif pixels.dtype.kind == "f":
    pixels[missing] = np.nan
  return pixels, missing


def _trim(image, size) -> np.ndarray:
  """Cuts equal ends off a strip, far outside of what `cover` keeps."""
  height, width = image.shape[:2]
  max_height, max_width = (
    max(-(-_MAX_LENGTHS * other * wanted // other_wanted), _MIN_TRIMMED)
    for other, wanted, other_wanted in ((width, *size), (height, *size[::-1]))
  )
  top = max(height - max_height, 0) // 2
  left = max(width - max_width, 0) // 2
  return image[top : height - top, left : width - left]
