"""Reads picture files without losing depth, alpha or metadata.

Reads what `picture_format` knows, grey and RGB, with and without alpha, and
data of any number of channels. Pictures are turned upright according to their
Exif data. CMYK is converted to sRGB, palettes to RGB. Of several pages or
frames, the first is read.
"""

import contextlib
import dataclasses
import io
import logging
import os
import pathlib
import stat
from typing import BinaryIO, NamedTuple

import numpy as np
import pyvips

from gatedinpaint_jax import errors
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import (
  npy_file,
  photo_header,
  picture_format,
  tiff_tags,
)
from gatedinpaint_jax.data import outline as outline_lib

_LEVELS = (np.uint8, np.uint16)
# What the library says of TIFF files that are not damaged.
_NOT_SUPPORTED = ("not supported", "not configured", "out of range")

# Its warnings are about files that we reject, or harmless.
logging.getLogger("pyvips").setLevel(logging.ERROR)


class Photo(NamedTuple):
  """A decoded picture, upright."""

  # `[H, W, C]`, of one of `values.DTYPES`; C = 1 grey, 2 grey and alpha, 3 RGB,
  # 4 RGB and alpha, unless it is data.
  pixels: np.ndarray
  header: photo_header.Header  # metadata of the file
  # Pixels per millimetre, (horizontal, vertical).
  resolution: tuple[float, float]
  notes: tuple[str, ...] = ()  # what a person should know of the file
  no_data: float | None = None  # what the file says stands for a missing value
  is_data: bool = False  # of which no channel is a colour or alpha
  is_plane: bool = False  # an array `[H, W]` in its file, without channels
  tags: tuple[tiff_tags.Tag, ...] = ()  # of a TIFF file, such as its place

  @property
  def has_alpha(self) -> bool:
    """Whether the last channel is alpha."""
    is_colour = self.pixels.dtype in _LEVELS and not self.is_data
    return is_colour and self.pixels.shape[-1] in (2, 4)

  @property
  def colours(self) -> np.ndarray:
    """RGB, `[H, W, 3] uint8`."""
    return self.levels(3)

  def levels(self, channels: int) -> np.ndarray:
    """Returns the channels of a model in 8 bits, `[H, W, C] uint8`."""
    pixels = to_bytes(self.pixels)
    return self._replace(pixels=pixels).select(channels)

  def select(self, channels: int) -> np.ndarray:
    """Returns the channels of a model, as `values.select` does.

    Raises:
      UserError: if there are others; of data, none is left out.
    """
    found = self.pixels.shape[-1]
    if self.is_data and found != channels:
      raise errors.UserError(
        f"has {found} channels of data; the model has {channels}"
        " (config.model.channels)"
      )
    return values_lib.select(self.pixels, channels)

  def values(self, of: values_lib.Values) -> values_lib.Values:
    """Returns a model's values, with the file's `no_data` if they lack it.

    Not for photographs: black is a colour, whatever else the file uses it for.
    """
    if of.are_levels or of.no_data is not None or self.no_data is None:
      return of
    return dataclasses.replace(of, no_data=self.no_data)

  @property
  def own_values(self) -> values_lib.Values:
    """Its values where there is no model: of a photograph, or as measured."""
    is_photograph = self.pixels.dtype in _LEVELS and self.pixels.shape[-1] <= 4
    if is_photograph and not self.is_data and self.no_data is None:
      return values_lib.PHOTOGRAPHS
    colours = self.pixels.shape[-1] - self.has_alpha
    return values_lib.of_picture(self.select(colours), self.no_data)

  def normalized(self, of: values_lib.Values) -> np.ndarray:
    """Returns the channels of a model as `Values.normalize` does."""
    return self.values(of).normalize(self.select(of.channels))

  @property
  def grey(self) -> np.ndarray:
    """The luminance, `[H, W]` in the depth of the file."""
    if self.pixels.shape[-1] < 3:
      return self.pixels[..., 0]
    return self.select(1)[..., 0]

  @property
  def alpha(self) -> np.ndarray | None:
    """The alpha channel, `[H, W]` in the depth of the file, or None."""
    return self.pixels[..., -1] if self.has_alpha else None


def to_bytes(levels: np.ndarray) -> np.ndarray:
  """Rounds uint16 levels to uint8, and returns uint8 as is.

  Raises:
    UserError: for values of other types, which are not levels.
  """
  if levels.dtype == np.uint8:
    return levels
  if levels.dtype != np.uint16:
    raise errors.UserError(
      f"has {levels.dtype} values, not levels of 8 or 16 bits; set"
      " config.data.value_range"
    )
  return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def read_outline(path: str | pathlib.Path) -> outline_lib.Outline:
  """Reads the header of a file, without decoding its pixels."""
  with _open(path) as file, errors.prefixed(f"{path}: "), _damage():
    if picture_format.recognize(file) == "npy":
      return outline_lib.of_npy(npy_file.read_picture_claim(file))
    return outline_lib.of_image(picture_format.open_picture(file))


def without_pixels(outline: outline_lib.Outline) -> Photo:
  """Returns a photo of no pixels, to ask what can be read of such a file."""
  nothing = np.empty((0, 0, outline.channels), outline.dtype)
  return Photo(nothing, {}, (1.0, 1.0), is_data=outline.is_data)


def read_size(path: pathlib.Path) -> tuple[int, int]:
  """Returns (height, width), upright, without decoding the file."""
  return read_outline(path).size


def read(path: pathlib.Path) -> Photo:
  """Decodes a file."""
  with _open(path) as file, errors.prefixed(f"{path}: "):
    return decode(file)


def read_content(path: str | pathlib.Path) -> io.BytesIO:
  """Reads a regular file that is not empty into memory."""
  with _open(path) as file:
    return io.BytesIO(file.read())


def decode(file: BinaryIO) -> Photo:
  """Decodes an unbuffered file or an `io.BytesIO`.

  Raises:
    UserError: if it cannot be read, without its name.
  """
  try:
    return _decode(file)
  except errors.UserError:
    if picture_format.recognize(file) == "jpeg":
      data = file.read()
      if picture_format.has_all_scans(data):
        with contextlib.suppress(errors.UserError):
          return _without_end(data)
    raise


def _without_end(jpeg) -> Photo:
  """Decodes a JPEG that lacks nothing but its end marker, as browsers do.

  Then no pixel changes with what follows; else it would become pixels.
  """
  jpeg = jpeg.removesuffix(b"\xff")  # half of the marker
  photo, *others = (
    _decode(io.BytesIO(jpeg + rest + picture_format.JPEG_END))
    for rest in (b"", bytes(range(99)), bytes(range(250, 150, -1)))
  )
  if not all(np.array_equal(photo.pixels, other.pixels) for other in others):
    raise errors.UserError("cut short")
  note = "the end of the file is missing, but no pixels are"
  return photo._replace(notes=(*photo.notes, note))


def _decode(file) -> Photo:
  if picture_format.recognize(file) == "npy":
    return _decode_npy(file)
  notes = []
  with _damage():
    opened = picture_format.open_picture(file)
    image, tags = opened.image, opened.tags
    outline = outline_lib.of_image(opened)
    if outline.is_turned:
      image = image.copy_memory().autorot()  # needs random access
      tags = tags.without_place()
    if image.interpretation == "cmyk":
      image = image.icc_transform("srgb", embedded=True)
      notes.append("converted from CMYK to sRGB")
    pixels = image.numpy()
  if tags.kept != opened.tags.kept:
    notes.append("turned, so that its place on Earth is dropped")
  try:
    header = photo_header.collect(image)
  except UnicodeDecodeError:  # by pyvips; PNG allows Latin-1
    header = {}
    notes.append("its metadata has names that are not UTF-8 and is dropped")
  return Photo(
    # The library drops the axes of a picture of one pixel.
    pixels.reshape(image.height, image.width, image.bands),
    header,
    (image.xres, image.yres),
    (*outline.notes, *notes),
    no_data=tags.no_data,
    is_data=outline.is_data,
    tags=tags.kept,
  )


def _decode_npy(file) -> Photo:
  claim = npy_file.read_picture_claim(file)
  outline = outline_lib.of_npy(claim)
  pixels = npy_file.read_picture(file, claim)
  return Photo(
    pixels.reshape(*outline.size, outline.channels),
    {},
    (1.0, 1.0),
    is_data=outline.is_data,
    is_plane=len(claim.shape) == 2,
  )


@contextlib.contextmanager
def _damage():
  """Turns what libvips finds wrong with a file into a UserError."""
  try:
    yield
  except pyvips.Error as error:
    found = reason(error)
    if any(word in found for word in _NOT_SUPPORTED):
      raise errors.UserError(
        f"cannot be read ({found}); {outline_lib.ADVICE}, interleaved and"
        " deflated"
      ) from error
    raise errors.UserError(
      f"damaged or cut short ({found}); save it again"
    ) from error


def _open(path) -> BinaryIO:
  """Opens a regular file for `picture_format`."""
  try:
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
      raise errors.UserError(f"{path}: a folder, not a picture")
    if not stat.S_ISREG(status.st_mode):
      raise errors.UserError(f"{path}: a device or a pipe, not a picture")
    if not status.st_size:
      raise errors.UserError(f"{path}: empty file, 0 bytes")
    return open(path, "rb", buffering=0)
  except FileNotFoundError as error:
    raise errors.UserError(f"{path}: no such file") from error
  except OSError as error:
    raise errors.UserError(
      f"{path}: cannot be read ({error.strerror})"
    ) from error


def reason(error) -> str:
  """Returns the first line of an error without the name of its source."""
  lines = [line for line in error.detail.splitlines() if line.strip()]
  return lines[0].rpartition(": ")[-1] if lines else "unknown reason"
