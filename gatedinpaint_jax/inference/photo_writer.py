"""Writes completed pictures without losing depth, alpha or metadata.

Writes jpg, png, webp, tiff and npy, of which the last two hold data of any
channels and type. Exif data, colour profile and resolution are kept as far as
the format allows: tiff holds no Exif data; webp holds no resolution outside of
Exif and stores grey as RGB; npy holds values alone.
"""

import dataclasses
import io
import pathlib

import numpy as np
import pyvips

from gatedinpaint_jax import errors, files
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import photo_files, photo_header

SUFFIXES = (
  *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".tif", ".tiff", ".npy"),
)
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
_FOR_DATA = (".tif", ".npy")
# Where TIFF keeps what libvips does: {field: tag}.
_TIFF_TAGS = {"xmp-data": 700, "iptc-data": 33723, "icc-profile-data": 34675}
_BYTE = 1


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
    values = dataclasses.replace(
      values, channels=channels, ranges=values.ranges[:channels]
    )
  pixels = photo.pixels.copy()
  pixels[hole, :channels] = values.restore(filled, pixels.dtype)
  return photo._replace(pixels=pixels)


def check_writable(path: pathlib.Path, photo: photo_files.Photo) -> None:
  """Raises UserError if the format that `path` names cannot hold a photo."""
  suffix = _suffix(path)
  height, width, channels = photo.pixels.shape
  dtype, side = photo.pixels.dtype, max(height, width)
  others = ".png"
  if suffix not in _FOR_DATA and dtype not in (np.uint8, np.uint16):
    lost, others = f"{dtype} values", ".tif or .npy"
  elif suffix not in _FOR_DATA and (channels > 4 or photo.is_data):
    lost, others = f"{channels} channels of data", ".tif or .npy"
  elif suffix in _WITHOUT_ALPHA and photo.has_alpha:
    lost = "transparency"
  elif suffix in _WITHOUT_16_BITS and dtype == np.uint16:
    lost = "16 bits"
  elif side > _MAX_SIDE.get(suffix, side):
    lost = f"side of {side} pixels"
  else:
    return
  raise errors.UserError(
    f"{path}: {path.suffix} cannot keep the picture's {lost}; name a {others}"
  )


def write(path: pathlib.Path, photo: photo_files.Photo) -> None:
  """Writes a photo atomically in the format of the suffix.

  All formats are lossless but jpg, which has quality 95.
  """
  check_writable(path, photo)
  suffix = _suffix(path)
  try:
    data = _encode(photo, suffix)
  except pyvips.Error as error:
    raise errors.UserError(
      f"{path}: cannot be encoded ({photo_files.reason(error)}); name another "
      "format"
    ) from error
  files.write(path, data)


def _suffix(path) -> str:
  suffix = path.suffix.lower()
  return _ALIASES.get(suffix, suffix)


def _encode(photo, suffix) -> bytes:
  if suffix == ".npy":
    file = io.BytesIO()
    np.save(file, photo.pixels[..., 0] if photo.is_plane else photo.pixels)
    return file.getvalue()
  is_data = photo.is_data or photo.pixels.shape[-1] > 4
  is_deeper = photo.pixels.dtype not in (np.uint8, np.uint16)
  if suffix == ".tif" and (photo.tags or is_data or is_deeper):
    return _encode_tiff(photo)
  return _with_header(photo).write_to_buffer(suffix, **_SAVE_OPTIONS[suffix])


def _encode_tiff(photo) -> bytes:
  """Returns a TIFF file with the tags of a photo, which libvips cannot write.

  It would also tell of each further channel that it is alpha.
  """
  # Only these files should wait for it.
  import tifffile

  pixels = photo.pixels
  is_rgb = not photo.is_data and pixels.shape[-1] in (3, 4)
  others = pixels.shape[-1] - (3 if is_rgb else 1)
  kept = [
    (code, _BYTE, len(photo.header[field][1]), photo.header[field][1], True)
    for field, code in _TIFF_TAGS.items()
    if field in photo.header
  ]
  file = io.BytesIO()
  tifffile.imwrite(
    file,
    pixels if others or is_rgb else pixels[..., 0],
    photometric="rgb" if is_rgb else "minisblack",
    planarconfig="contig",
    extrasamples=["unassalpha" if photo.has_alpha else "unspecified"] * others,
    compression="zlib",
    predictor=pixels.dtype.kind != "f",  # of floats, it needs more packages
    # Damaged files may claim more than fits in.
    resolution=np.clip(photo.resolution, 0, 1e8) * 10,
    resolutionunit="centimeter",
    extratags=[*photo.tags, *kept],
    metadata=None,
    software=False,
  )
  return file.getvalue()


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
