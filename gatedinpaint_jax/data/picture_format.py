"""Recognizes picture files by their first bytes and opens them.

.npy files are only recognized here; `npy_file` reads them.

Left to itself, libvips tries all of its loaders: it takes an Ultra HDR JPEG for
another format, and parses SVG for seconds before the file can be refused. Here
the first bytes choose the one loader, and the name of a file does not matter.
"""

import struct
from typing import BinaryIO, NamedTuple

import pyvips
from PIL import BmpImagePlugin

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import npy_file, tiff_tags

SUFFIXES = (
  *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".tif", ".tiff"),
  *(".gif", ".bmp", ".avif", ".heic", ".heif", ".npy"),
)
NAMES = "jpg, png, webp, tiff, gif, bmp, avif, heic or npy"
JPEG = b"\xff\xd8"
JPEG_END = b"\xff\xd9"
# 16384 x 16384. A file of a few bytes can declare any size.
MAX_PIXELS = 2**28
_MAX_VALUES = 2**31
# As many bytes decide.
_HEAD = 16
_PNG = b"\x89PNG\r\n\x1a\n"
_SIGNATURES = (
  (JPEG, "jpeg"),
  (_PNG, "png"),
  (b"II*\0", "tiff"),
  (b"MM\0*", "tiff"),
  (b"II+\0", "tiff"),  # BigTIFF
  (b"MM\0+", "tiff"),
  (b"GIF8", "gif"),
  (b"BM", "bmp"),
  (npy_file.SIGNATURE, "npy"),
)
# Of the ISO base media file format that HEIC and AVIF use.
_HEIF_BRANDS = (
  b"avif",
  b"avis",
  b"heic",
  b"heix",
  b"heim",
  b"heis",
  b"mif1",
  b"msf1",
)

# By default, libvips keeps the last hundred pictures in memory.
pyvips.cache_set_max(0)
# Loaders that nobody has tested against hostile files.
pyvips.block_untrusted_set(True)


class Opened(NamedTuple):
  """A picture whose pixels can be read once, from the top."""

  image: pyvips.Image
  kind: str  # such as "jpeg"
  frames: int  # that the file has, of which this is the first
  tags: tiff_tags.Tags = tiff_tags.Tags()


def open_picture(file: BinaryIO) -> Opened:
  """Opens a file, which must be unbuffered or in memory and stay open.

  It is not an .npy file.

  Raises:
    UserError: if it is not a picture of a known kind; without its name.
    pyvips.Error: if it is damaged.
  """
  kind = recognize(file)
  if kind is None:
    raise errors.UserError(
      f"not a picture that can be read; must be a {NAMES} file"
    )
  if kind == "bmp":
    return Opened(_open_bmp(file), kind, 1)  # checks the size before it decodes
  frames = _frames_of_png(file) if kind == "png" else 1
  tags = tiff_tags.read(file) if kind == "tiff" else tiff_tags.Tags()
  # Otherwise the error would include those of earlier files.
  pyvips.vips_lib.vips_error_clear()
  try:
    image = _load(file, kind, tags.change)
  except pyvips.Error as error:
    if kind == "heif" and "upport" in error.detail:
      raise errors.UserError(
        "a heic file, which the installed libvips cannot decode; save it as jpg"
      ) from error
    raise
  if tags.change:
    is_deep = image.format == "ushort"
    image = image.copy(interpretation="grey16" if is_deep else "b-w")
  check_size(image.width, image.height, image.bands)
  if image.get_typeof("n-pages"):
    frames = image.get("n-pages")
  return Opened(image, kind, frames, tags)


def recognize(file: BinaryIO) -> str | None:
  """Returns the kind of a picture file, such as "jpeg", or None."""
  file.seek(0)
  head = file.read(_HEAD)
  file.seek(0)
  if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
    return "webp"
  if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
    return "heif"
  for signature, kind in _SIGNATURES:
    if head.startswith(signature):
      return kind
  return None


def has_all_scans(jpeg: bytes) -> bool:
  """Returns whether the last scan of a JPEG has begun.

  That is, there is a scan for each of the 64 coefficients of each component,
  to its last bit: a progressive one sends some of them, and some bits, later.

  Source: ITU-T T.81, B.2.2 and B.2.3.
  """
  wanted, found, position = {None}, set(), len(JPEG)
  # The first of two bytes is 255 for segments, but also within a scan.
  while 0 <= (position := jpeg.find(b"\xff", position)) < len(jpeg) - 4:
    marker = jpeg[position + 1]
    if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD7:
      position += 1
      continue
    length = int.from_bytes(jpeg[position + 2 : position + 4])
    segment = jpeg[position + 4 : position + 2 + length]
    if marker in (0xC0, 0xC1, 0xC2) and len(segment) > 5:  # the picture
      components = segment[6 : 6 + 3 * segment[5] : 3]
      wanted = {(c, i) for c in components for i in range(64)}
    elif marker == 0xDA and len(segment) > 5:  # a scan
      components = segment[1:-3:2]
      first, last, bits = segment[-3:]
      if bits & 15 == 0:
        found |= {(c, i) for c in components for i in range(first, last + 1)}
    position += 2 + length
  return wanted <= found


def check_size(width: int, height: int, channels: int = 1) -> None:
  """Raises UserError if a picture may be too large for the memory."""
  if height * width > MAX_PIXELS:
    raise errors.UserError(
      f"{width} x {height} pixels; the limit is {MAX_PIXELS} in total"
    )
  if height * width * channels > _MAX_VALUES:
    raise errors.UserError(
      f"{width} x {height} pixels of {channels} channels; the limit is"
      f" {_MAX_VALUES} values"
    )


def _load(file, kind, change) -> pyvips.Image:
  """Opens a file, with other bytes at a position if there is a change."""
  options = {"fail_on": "error", "access": "sequential"}
  if change is None:
    return pyvips.Operation.call(f"{kind}load_source", _source(file), **options)
  (position, new), data = change, bytearray(file.read())
  data[position : position + len(new)] = new
  # It copies the bytes; a source would need them to stay.
  return pyvips.Operation.call(f"{kind}load_buffer", bytes(data), **options)


def _source(file) -> pyvips.Source:
  if hasattr(file, "getvalue"):
    return pyvips.Source.new_from_memory(file.getvalue())
  # By name, the library rejects invalid UTF-8 and takes brackets as options.
  return pyvips.Source.new_from_descriptor(file.fileno())


def _open_bmp(file) -> pyvips.Image:
  """Reads a BMP with Pillow, because libvips comes without a safe loader."""
  try:
    picture = BmpImagePlugin.BmpImageFile(file)
    check_size(*picture.size)
    mode = {"1": "L", "L": "L", "RGBA": "RGBA"}.get(picture.mode, "RGB")
    return pyvips.Image.new_from_array(picture.convert(mode))
  except (
    OSError,
    OverflowError,
    SyntaxError,
    ValueError,
    struct.error,
  ) as error:
    raise pyvips.Error("BMP", str(error)) from error


def _frames_of_png(file) -> int:
  """Returns how many frames a PNG announces: before its pixels, if several."""
  frames, position = 1, len(_PNG)
  while True:
    file.seek(position)
    head = file.read(12)  # length, name, and the first number of the content
    if len(head) < 12 or head[4:8] == b"IDAT":
      file.seek(0)
      return frames
    if head[4:8] == b"acTL":
      frames = int.from_bytes(head[8:])
    position += 12 + int.from_bytes(head[:4])
