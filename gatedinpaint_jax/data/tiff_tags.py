"""Reads what TIFF files say beyond pictures: places on Earth, missing values.

libvips knows nothing of it. GeoTIFF says where a picture lies, and GDAL which
value stands for a missing one.
"""

import logging
from typing import Any, BinaryIO, NamedTuple

NO_DATA = 42113
# Of GeoTIFF 1.1 (OGC 19-008r4).
_PLACES = (33550, 33922, 34264, 34735, 34736, 34737)
_KEPT = (*_PLACES, 42112, NO_DATA)
_ASCII = 2
# And numbers: of 16 and 32 bits, and two kinds of float.
_KINDS = (_ASCII, 3, 4, 11, 12)
_PHOTOMETRIC = 262
_SEPARATE_PLANES = 2
_GREYS = (0, 1)
# A mask of transparency: a picture that means nothing to libvips.
_NEITHER_GREY_NOR_COLOURS = 4
_ALPHAS = (1, 2)

# It warns of files that we read, or refuse.
logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)


class Tag(NamedTuple):
  """A tag as tifffile writes it."""

  code: int
  kind: int
  count: int
  value: Any  # bytes of a text
  once: bool = True  # not for each page


class Tags(NamedTuple):
  """What is kept of a file, and how it is to be read."""

  kept: tuple[Tag, ...] = ()
  # Whether the last channel is not alpha, although it may look like it.
  is_data: bool = False
  # A change of bytes, if libvips would read others: (position, bytes).
  change: tuple[int, bytes] | None = None

  @property
  def no_data(self) -> float | None:
    """What stands for a missing value."""
    for tag in self.kept:
      if tag.code == NO_DATA:
        try:
          return float(tag.value.rstrip(b"\0 "))
        except (AttributeError, ValueError):
          return None
    return None

  def without_place(self) -> "Tags":
    """Returns what is true of a picture that was turned."""
    kept = tuple(tag for tag in self.kept if tag.code not in _PLACES)
    return self._replace(kept=kept)


def read(file: BinaryIO) -> Tags:
  """Reads the tags of a TIFF file; of one that is damaged, none.

  Leaves the file at its beginning.
  """
  # Only these files should wait for it.
  import tifffile

  file.seek(0)
  try:
    with tifffile.TiffFile(file) as tiff:
      return _read(tiff.pages.first, tiff)
  except Exception:  # libvips, which can read more, shall judge the file
    return Tags()
  finally:
    file.seek(0)


def _read(page, tiff) -> Tags:
  kept, change = [], None
  for code in _KEPT:
    tag = page.tags.get(code)
    if tag is not None and tag.dtype in _KINDS:
      kept.append(Tag(code, int(tag.dtype), tag.count, _value(tag, tiff)))
  photometric = page.tags.get(_PHOTOMETRIC)
  if (
    page.planarconfig == _SEPARATE_PLANES
    and page.samplesperpixel > 1
    and photometric.value in _GREYS
  ):
    # libvips 8.18 mixes up the planes of grey ones.
    order = {"<": "little", ">": "big"}[tiff.byteorder]
    change = (
      photometric.valueoffset,
      _NEITHER_GREY_NOR_COLOURS.to_bytes(photometric.valuebytecount, order),
    )
  has_alpha = page.extrasamples[-1:] and page.extrasamples[-1] in _ALPHAS
  return Tags(tuple(kept), bool(kept) and not has_alpha, change)


def _value(tag, tiff):
  """Returns numbers, or the bytes of a text, which may have any encoding."""
  if tag.dtype != _ASCII:
    return tag.value
  tiff.filehandle.seek(tag.valueoffset)
  return tiff.filehandle.read(tag.valuebytecount)
