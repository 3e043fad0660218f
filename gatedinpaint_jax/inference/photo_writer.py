"""Writes completed pictures without losing depth, alpha or metadata.

Writes jpg, png, webp and tiff. Exif data, colour profile and resolution are
kept as far as the format allows: tiff holds no Exif data; webp holds no
resolution outside of Exif and stores grey as RGB.
"""

import dataclasses
import pathlib

import numpy as np
import pyvips

from gatedinpaint_jax import errors, files
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import photo_files, photo_header

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".tif", ".tiff")
_SAVE_OPTIONS = {
  ".jpg": {"Q": 95, "subsample_mode": "off"},
  ".png": {"compression": 6},
  # exact keeps the colours of fully transparent pixels.
  ".webp": {"lossless": True, "exact": True},
  ".tif": {"compression": "deflate"},
}
_ALIASES = {".jpeg": ".jpg", ".jfif": ".jpg", ".tiff": ".tif"}
# What some formats cannot hold.
_WITHOUT_ALPHA = (".jpg",)
_WITHOUT_16_BITS = (".jpg", ".webp")
_MAX_SIDE = {".jpg": 65500, ".webp": 16383}


def composite(
  photo: photo_files.Photo,
  prediction: np.ndarray,
  hole: np.ndarray,
  values: values_lib.Values = values_lib.PHOTOGRAPHS,
) -> photo_files.Photo:
  """Returns a photo with its hole `[H, W] bool` filled, of its own type.

  The prediction is `[H, W, C] float32 in [-1, 1]`, of these values; grey photos
  take the luminance of colours, and colours take grey. Alpha and all other
  pixels are unchanged.
  """
  filled = prediction[hole]  # [N, C]
  channels = photo.pixels.shape[-1]
  if channels != values.channels:
    channels -= photo.has_alpha
    filled = values_lib.select(filled, channels)
    values = dataclasses.replace(values, channels=channels)
  pixels = photo.pixels.copy()
  pixels[hole, :channels] = values.restore(filled, pixels.dtype)
  return photo._replace(pixels=pixels)


def check_writable(path: pathlib.Path, photo: photo_files.Photo) -> None:
  """Raises UserError if the format that `path` names cannot hold a photo."""
  suffix = _suffix(path)
  side = max(photo.pixels.shape[:2])
  if suffix in _WITHOUT_ALPHA and photo.has_alpha:
    lost = "transparency"
  elif suffix in _WITHOUT_16_BITS and photo.pixels.dtype == np.uint16:
    lost = "16 bits"
  elif side > _MAX_SIDE.get(suffix, side):
    lost = f"side of {side} pixels"
  else:
    return
  raise errors.UserError(
    f"{path}: {path.suffix} cannot keep the picture's {lost}; name a .png"
  )


def write(path: pathlib.Path, photo: photo_files.Photo) -> None:
  """Writes a photo atomically in the format of the suffix.

  png, webp and tiff are lossless; jpg has quality 95.
  """
  check_writable(path, photo)
  suffix = _suffix(path)
  try:
    data = _with_header(photo).write_to_buffer(suffix, **_SAVE_OPTIONS[suffix])
  except pyvips.Error as error:
    raise errors.UserError(
      f"{path}: cannot be encoded ({photo_files.reason(error)}); name another "
      "format"
    ) from error
  files.write(path, data)


def _suffix(path) -> str:
  suffix = path.suffix.lower()
  return _ALIASES.get(suffix, suffix)


def _with_header(photo) -> pyvips.Image:
  """Returns an image of the pixels with the metadata of the file."""
  is_deep = photo.pixels.dtype == np.uint16
  is_grey = photo.pixels.shape[-1] < 3
  grey, colours = ("grey16", "rgb16") if is_deep else ("b-w", "srgb")
  across, down = photo.resolution
  image = pyvips.Image.new_from_array(
    photo.pixels, interpretation=grey if is_grey else colours
  ).copy(xres=across, yres=down)
  photo_header.attach(image, photo.header)
  return image
