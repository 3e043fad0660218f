"""Copies the metadata of a picture file to another one.

Previews are dropped, because they show the original picture, including what was
in the hole.
"""

import struct
from typing import Any

import pyvips

# {field of the library: (type, value)}.
Header = dict[str, tuple[int, Any]]

_FIELDS = ("icc-profile-data", "exif-", "xmp-data", "iptc-data")
# The second directory of Exif data describes its thumbnail.
_THUMBNAIL_FIELDS = "exif-ifd1-"
# Photoshop's previews: in XMP, and in two kinds of image resources.
_PREVIEWS = (b"xmpGImg:image", b"8BIM\x04\x09", b"8BIM\x04\x0c")
_EXIF_PREFIX = b"Exif\0\0"


def collect(image: pyvips.Image) -> Header:
  """Returns the colour profile, Exif data, XMP and IPTC of an image."""
  header = {}
  for field in image.get_fields():
    if not field.startswith(_FIELDS) or field.startswith(_THUMBNAIL_FIELDS):
      continue
    value = image.get(field)
    if field == "exif-data":
      value = _without_thumbnail(value)
    is_binary = isinstance(value, bytes)
    if is_binary and (not value or any(mark in value for mark in _PREVIEWS)):
      continue
    header[field] = image.get_typeof(field), value
  return header


def attach(image: pyvips.Image, header: Header) -> None:
  """Sets the fields returned by `collect` on an upright image."""
  for field, (kind, value) in header.items():
    image.set_type(kind, field, value)
  # The Exif data still contains the orientation of the camera.
  image.set_type(pyvips.GValue.gint_type, "orientation", 1)


def _without_thumbnail(exif: bytes) -> bytes:
  """Returns Exif data with only the first directory linked.

  The library then drops the others when it writes the data. Returns b"" for
  data that ends before the first directory.

  Source: TIFF 6.0, section 2; Exif 2.3, 4.5.
  """
  start = len(_EXIF_PREFIX) if exif.startswith(_EXIF_PREFIX) else 0
  order = "<" if exif[start : start + 2] == b"II" else ">"
  try:
    (directory,) = struct.unpack_from(order + "I", exif, start + 4)
    (entries,) = struct.unpack_from(order + "H", exif, start + directory)
  except struct.error:
    return b""
  # Each entry has 12 bytes; the offset of the next directory follows them.
  end = start + directory + 2 + 12 * entries
  return exif[:end] + bytes(4) + exif[end + 4 :]
