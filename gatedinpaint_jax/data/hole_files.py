"""Reads masks and sketches from picture files of any kind.

The alpha channel decides if a picture was drawn on a transparent background,
the luminance otherwise. JPEG noise near black and white does not matter.
"""

import io
import pathlib

import numpy as np
from scipy import ndimage

from gatedinpaint_jax import batch, errors
from gatedinpaint_jax.data import photo_files

# A file with all values between these is not a mask.
_GREYS = (32, 223)


def read_mask(
  path: pathlib.Path,
  size: tuple[int, int],
  *,
  invert: bool = False,
  dilate: int = 0,
  resize: bool = False,
) -> np.ndarray:
  """Reads a mask, `[H, W] bool`, in which 128 and above is hole.

  With `invert`, below 128 is hole instead. The hole grows by a radius of
  `dilate` pixels. `resize` scales another size by nearest neighbour.
  """
  photo = photo_files.read(path)
  with errors.prefixed(f"{path}: "):
    hole = _hole(photo, invert=invert)
    hole = _fit(hole, size, resize=resize, kind="mask")
  if dilate and hole.any():
    hole = ndimage.distance_transform_edt(~hole) <= dilate
  return hole


def decode_mask(
  file: io.BytesIO, size: tuple[int, int], *, invert: bool = False
) -> np.ndarray:
  """Returns what `read_mask` does, of the content of a file, scaled to `size`.

  Raises:
    UserError: if it is not a mask, without its name.
  """
  hole = _hole(photo_files.decode(file), invert=invert)
  return _resize(hole, size)


def read_sketch(
  path: pathlib.Path, size: tuple[int, int], *, invert: bool = False
) -> np.ndarray:
  """Reads a sketch, `[H, W] bool`, in which above 153 is line.

  With `invert`, lines are black on white: below 102 is line.
  """
  photo = photo_files.read(path)
  with errors.prefixed(f"{path}: "):
    plane = _fit(_deciding_plane(photo), size, resize=False, kind="sketch")
    most = np.iinfo(plane.dtype).max
    plane = most - plane if invert else plane
    lines = photo_files.to_bytes(plane) > batch.LINE_LEVEL
    if plane.any() and not lines.any():
      raise errors.UserError(
        f"its brightest value is {plane.max()}{' if inverted' * invert}; lines "
        f"are above {batch.LINE_LEVEL * (most // 255)}, up to {most}"
      )
  if lines.mean() > 0.5:
    change = "without" if invert else "with"
    raise errors.UserError(
      f"{path}: {lines.mean():.0%} of the sketch is line; if its lines are "
      f"{'white on black' if invert else 'black on white'}, run {change} "
      "`invert_sketch`"
    )
  return lines


def decode_sketch(file: io.BytesIO) -> np.ndarray:
  """Returns the strength of lines, `[H, W] uint8`, of the content of a file.

  Raises:
    UserError: if it cannot be read, without its name.
  """
  return _drawn(photo_files.decode(file))


def describe_size(size: tuple[int, int]) -> str:
  """Returns (height, width) in words, so that their order is clear."""
  height, width = size
  return f"{width} wide and {height} high"


def explain_size(
  kind: str, found: tuple[int, int], wanted: tuple[int, int], remedy: str
) -> str:
  """Returns the message that a file has not the size of its picture."""
  if found == wanted[::-1]:
    remedy = (
      "their sides are swapped: one of them is turned, perhaps by its Exif "
      f"data; turn the {kind}"
    )
  return (
    f"the {kind} is {describe_size(found)}, its picture "
    f"{describe_size(wanted)}; {remedy}"
  )


def _hole(photo, *, invert) -> np.ndarray:
  """Returns where a mask is hole, `[H, W] bool`."""
  plane = _deciding_plane(photo)
  levels = photo_files.to_bytes(plane)
  low, high = levels.min(), levels.max()
  if _GREYS[0] < low and high < _GREYS[1]:
    raise errors.UserError(
      f"grey all over (values {low} to {high}); a mask is white in the hole "
      "and black elsewhere"
    )
  # At the depth of the file: labels 0 and 1 in 16 bits would be black in 8.
  high, most = plane.max(), np.iinfo(plane.dtype).max
  if 0 < high <= most // 2:
    side = "known" if invert else "hole"
    raise errors.UserError(
      f"its brightest value is {high}; {side} is {most // 2 + 1} and above, up "
      f"to {most}"
    )
  return (levels >= batch.HOLE_LEVEL) != invert


def _drawn(photo) -> np.ndarray:
  return photo_files.to_bytes(_deciding_plane(photo))


def _deciding_plane(photo) -> np.ndarray:
  """Returns the luminance or the alpha, `[H, W]` in the depth of the file."""
  channels, dtype = photo.pixels.shape[-1], photo.pixels.dtype
  if channels > 4 or photo.is_data or dtype not in (np.uint8, np.uint16):
    raise errors.UserError(
      f"has {channels} channels of {dtype}; masks and sketches are grey or RGB,"
      " of 8 or 16 bits"
    )
  grey, alpha = photo.grey, photo.alpha
  if alpha is None:
    return grey
  most = np.iinfo(alpha.dtype).max
  is_opaque = alpha > most // 2
  # Alpha decides only if it separates a drawing from its background.
  if is_opaque.all() or alpha.min() == alpha.max():
    return grey
  opaque = photo_files.to_bytes(grey[is_opaque])
  if opaque.size and opaque.min() <= _GREYS[0] and opaque.max() >= _GREYS[1]:
    # A black-and-white mask with transparent parts.
    return np.round(grey * (alpha / most)).astype(grey.dtype)
  return alpha


def _fit(plane, size, *, resize, kind) -> np.ndarray:
  """Returns `[H, W]` at the size of its picture; another one is refused."""
  is_turned = plane.shape == size[::-1]
  if plane.shape == size or (resize and not is_turned):
    return _resize(plane, size)
  remedy = "`resize_mask` scales it" if kind == "mask" else "make them equal"
  raise errors.UserError(explain_size(kind, plane.shape, size, remedy))


def _resize(plane, size) -> np.ndarray:
  """Scales `[H, W]` by nearest neighbour."""
  rows, columns = (
    (2 * np.arange(wanted) + 1) * have // (2 * wanted)
    for wanted, have in zip(size, plane.shape, strict=True)
  )
  return plane[rows][:, columns]
