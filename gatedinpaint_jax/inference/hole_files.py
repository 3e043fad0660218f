"""Masks and sketches from picture files of any kind.

What is painted on a transparent ground tells by its opacity; any other file by
its luminance. JPEG's noise around black and white does no harm.
"""

import pathlib

import numpy as np
from scipy import ndimage

from gatedinpaint_jax import errors
from gatedinpaint_jax.inference import inpainter, photo_files

# A mask with no value outside of these is not one.
_GREYS = (32, 223)


def read_mask(
  path: pathlib.Path,
  size: tuple[int, int],
  *,
  invert: bool = False,
  dilate: int = 0,
  resize: bool = False,
) -> np.ndarray:
  """Reads a hole, `[H, W] bool`.

  Args:
    path: the file; 128 and above is hole.
    size: (height, width) of its picture, upright.
    invert: below 128 is hole instead.
    dilate: the hole grows by so many pixels to all sides.
    resize: a mask of another size is scaled, by nearest neighbour.

  Raises:
    UserError: if it cannot be read, is grey all over, has its values in
      another range (0 and 1, say) or is of another size.
  """
  plane = _read_plane(path, size, resize=resize, kind="mask")
  low, high = plane.min(), plane.max()
  if _GREYS[0] < low and high < _GREYS[1]:
    raise errors.UserError(
      f"{path}: grey all over (values {low} to {high}); a mask is white in the "
      "hole and black elsewhere"
    )
  if 0 < high < inpainter.HOLE_LEVEL:
    side = "known" if invert else "hole"
    raise errors.UserError(
      f"{path}: its brightest value is {high}; {side} is "
      f"{inpainter.HOLE_LEVEL} and above, up to 255"
    )
  hole = plane >= inpainter.HOLE_LEVEL
  if invert:
    hole = ~hole
  if dilate and hole.any():
    hole = ndimage.distance_transform_edt(~hole) <= dilate
  return hole


def read_sketch(
  path: pathlib.Path,
  size: tuple[int, int],
  *,
  invert: bool = False,
) -> np.ndarray:
  """Reads lines, `[H, W] bool`.

  Args:
    path: the file; above 153 is a line.
    size: (height, width) of its picture, upright.
    invert: lines are black on white: below 102 is a line.

  Raises:
    UserError: if it cannot be read, is of another size, or is lines for the
      most part.
  """
  plane = _read_plane(path, size, resize=False, kind="sketch")
  if invert:
    plane = 255 - plane
  lines = plane > inpainter.LINE_LEVEL
  if lines.mean() > 0.5:
    change = "without" if invert else "with"
    raise errors.UserError(
      f"{path}: {lines.mean():.0%} of the sketch is line; if its lines are "
      f"{'white on black' if invert else 'black on white'}, run {change} "
      "`invert_sketch`"
    )
  return lines


def in_words(size: tuple[int, int]) -> str:
  """Returns what to call (height, width), whichever one expects first."""
  height, width = size
  return f"{width} wide and {height} high"


def _read_plane(path, size, *, resize, kind) -> np.ndarray:
  """Returns the deciding channel of a file, `[H, W] uint8`, of `size`."""
  photo = photo_files.read(path)
  plane = photo.alpha
  if plane is None or not _tells(plane):
    plane = photo.grey
  if plane.shape == size:
    return plane
  if not resize:
    turned = " (turned by the picture's Exif data?)" * (
      plane.shape == size[::-1]
    )
    remedy = "`resize_mask` scales it" if kind == "mask" else "make it as large"
    raise errors.UserError(
      f"{path}: the {kind} is {in_words(plane.shape)}, its picture "
      f"{in_words(size)}{turned}; {remedy}"
    )
  rows, columns = (
    (2 * np.arange(wanted) + 1) * have // (2 * wanted)
    for wanted, have in zip(size, plane.shape, strict=True)
  )
  return plane[rows][:, columns]


def _tells(alpha) -> bool:
  """Whether opacity separates something from a ground."""
  return alpha.min() < inpainter.HOLE_LEVEL and alpha.min() < alpha.max()
