"""Reads and writes picture files without losing depth, alpha or metadata.

Supports jpg, png, webp and tiff, 8 and 16 bits, grey and RGB, with and without
alpha. Pictures are turned upright according to their Exif data. Exif data,
colour profile and resolution are kept as far as the output format allows: tiff
holds no Exif data; webp holds no resolution outside of Exif and stores grey as
RGB. CMYK is converted to sRGB, palettes to RGB. Only the first page of a file
is read.
"""

import logging
import os
import pathlib
import stat
from typing import NamedTuple

import numpy as np
import pyvips

from gatedinpaint_jax import errors, files
from gatedinpaint_jax.data import photo_header

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")
_LOADERS = tuple(
  f"{kind}load_source" for kind in ("jpeg", "png", "webp", "tiff")
)
# 16384 x 16384. A file of a few bytes can declare any size.
MAX_PIXELS = 2**28
_DEPTHS = {"uchar": np.uint8, "ushort": np.uint16}
# {colour space of the library: numbers of channels that are supported}.
_CHANNELS = {"b-w": (1, 2), "grey16": (1, 2), "srgb": (3, 4), "rgb16": (3, 4)}
# Luminance (ITU-R BT.601), for grey pictures and coloured masks.
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
_SAVE_OPTIONS = {
  ".jpg": {"Q": 95, "subsample_mode": "off"},
  ".png": {"compression": 6},
  # exact keeps the colours of fully transparent pixels.
  ".webp": {"lossless": True, "exact": True},
  ".tif": {"compression": "deflate"},
}
_ALIASES = {".jpeg": ".jpg", ".tiff": ".tif"}
# What some formats cannot hold.
_WITHOUT_ALPHA = (".jpg",)
_WITHOUT_16_BITS = (".jpg", ".webp")
_MAX_SIDE = {".jpg": 65500, ".webp": 16383}

# By default, libvips keeps the last hundred pictures in memory.
pyvips.cache_set_max(0)
# Its warnings are about files that we reject, or harmless.
logging.getLogger("pyvips").setLevel(logging.ERROR)


class Photo(NamedTuple):
  """A decoded picture, upright."""

  # `[H, W, C]` uint8 or uint16; C = 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and
  # alpha.
  pixels: np.ndarray
  header: photo_header.Header  # metadata of the file
  # Pixels per millimetre, (horizontal, vertical).
  resolution: tuple[float, float]

  @property
  def has_alpha(self) -> bool:
    """Whether the last channel is alpha."""
    return self.pixels.shape[-1] in (2, 4)

  @property
  def colours(self) -> np.ndarray:
    """RGB for the networks, `[H, W, 3] uint8`."""
    colours = self.pixels[..., : 3 if self.pixels.shape[-1] > 2 else 1]
    if colours.dtype == np.uint16:
      colours = ((colours.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.broadcast_to(colours, (*colours.shape[:2], 3))

  @property
  def grey(self) -> np.ndarray:
    """The luminance, `[H, W] uint8`."""
    return np.round(self.colours @ _LUMINANCE).astype(np.uint8)

  @property
  def alpha(self) -> np.ndarray | None:
    """The alpha channel, `[H, W] uint8` with 255 for opaque, or None."""
    if not self.has_alpha:
      return None
    return self._replace(pixels=self.pixels[..., -1:]).colours[..., 0]


def read_size(path: pathlib.Path) -> tuple[int, int]:
  """Returns (height, width), upright, without decoding the file."""
  image = _open(path)
  size = image.height, image.width
  return size[::-1] if _orientation(image) > 4 else size


def read(path: pathlib.Path) -> Photo:
  """Decodes a file."""
  image = _open(path)
  try:
    if _orientation(image) > 1:
      image = image.copy_memory().autorot()  # needs random access
    if image.interpretation == "cmyk":
      image = image.icc_transform("srgb", embedded=True)
    if image.format not in _DEPTHS or (
      image.bands not in _CHANNELS.get(image.interpretation, ())
    ):
      raise errors.UserError(
        f"{path}: {image.interpretation} with {image.bands} channels of "
        f"{image.format} values is not supported; save it in 8 or 16 bits, "
        "grey or RGB"
      )
    pixels = image.numpy()
  except pyvips.Error as error:
    raise errors.UserError(
      f"{path}: damaged or cut short ({_reason(error)}); save it again"
    ) from error
  return Photo(
    # The library drops the axes of a picture of one pixel.
    pixels.reshape(image.height, image.width, image.bands),
    photo_header.collect(image),
    (image.xres, image.yres),
  )


def composite(photo: Photo, prediction: np.ndarray, hole: np.ndarray) -> Photo:
  """Returns a photo with its hole `[H, W] bool` filled, at its own bit depth.

  The prediction is `[H, W, 3] float32 in [-1, 1]`; grey photos take its
  luminance. Alpha and all other pixels are unchanged.
  """
  filled = prediction[hole]  # [N, 3]
  channels = photo.pixels.shape[-1] - photo.has_alpha
  if channels == 1:
    filled = (filled @ _LUMINANCE)[:, None]
  most = np.iinfo(photo.pixels.dtype).max
  levels = np.clip(np.round((filled + 1) * (most / 2)), 0, most)
  pixels = photo.pixels.copy()
  pixels[hole, :channels] = levels.astype(pixels.dtype)
  return photo._replace(pixels=pixels)


def check_writable(path: pathlib.Path, photo: Photo) -> None:
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


def write(path: pathlib.Path, photo: Photo) -> None:
  """Writes a photo atomically in the format of the suffix.

  png, webp and tiff are lossless; jpg has quality 95.
  """
  check_writable(path, photo)
  suffix = _suffix(path)
  try:
    data = _with_header(photo).write_to_buffer(suffix, **_SAVE_OPTIONS[suffix])
  except pyvips.Error as error:
    raise errors.UserError(
      f"{path}: cannot be encoded ({_reason(error)}); name another format"
    ) from error
  files.write(path, data)


def _suffix(path) -> str:
  suffix = path.suffix.lower()
  return _ALIASES.get(suffix, suffix)


def _open(path) -> pyvips.Image:
  """Reads the header of a file; pixels can be read once, from the top."""
  try:
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
      raise errors.UserError(f"{path}: a folder, not a picture")
    if not stat.S_ISREG(status.st_mode):
      raise errors.UserError(f"{path}: a device or a pipe, not a picture")
    if not status.st_size:
      raise errors.UserError(f"{path}: empty file, 0 bytes")
    # By name, the library rejects invalid UTF-8 and takes brackets as options.
    with open(path, "rb") as file:
      return _read_header(path, file)
  except FileNotFoundError as error:
    raise errors.UserError(f"{path}: no such file") from error
  except OSError as error:
    raise errors.UserError(
      f"{path}: cannot be read ({error.strerror})"
    ) from error


def _read_header(path, file) -> pyvips.Image:
  wanted = "must be a jpg, png, webp or tiff file"
  # Otherwise the error would include those of earlier files.
  pyvips.vips_lib.vips_error_clear()
  try:
    image = pyvips.Image.new_from_source(
      pyvips.Source.new_from_descriptor(file.fileno()),
      "",
      fail_on="error",
      access="sequential",
    )
  except pyvips.Error as error:
    raise errors.UserError(
      f"{path}: not a picture that can be read ({_reason(error)}); {wanted}"
    ) from error
  loader = image.get("vips-loader")
  if loader not in _LOADERS:
    kind = loader.partition("load")[0]
    raise errors.UserError(f"{path}: a {kind} file; {wanted}")
  if image.width * image.height > MAX_PIXELS:
    raise errors.UserError(
      f"{path}: {image.width} x {image.height} pixels; the limit is "
      f"{MAX_PIXELS} in total"
    )
  return image


def _orientation(image) -> int:
  """Returns the Exif orientation, 1 to 8, where 1 is upright."""
  is_known = image.get_typeof("orientation")
  return image.get("orientation") if is_known else 1


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


def _reason(error) -> str:
  """Returns the first line of an error without the name of its source."""
  lines = [line for line in error.detail.splitlines() if line.strip()]
  return lines[0].rpartition(": ")[-1] if lines else "unknown reason"
