"""Reads masks and sketches from picture files of any kind.

The alpha channel decides if a picture was drawn on a transparent ground, the
luminance otherwise. JPEG noise near black and white does not matter.
"""

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
  plane = _read_plane(path, size, resize=resize, kind="mask")
  low, high = plane.min(), plane.max()
  if _GREYS[0] < low and high < _GREYS[1]:
    raise errors.UserError(
      f"{path}: grey all over (values {low} to {high}); a mask is white in "
      "the hole and black elsewhere"
    )
  if 0 < high < batch.HOLE_LEVEL:
    side = "known" if invert else "hole"
    raise errors.UserError(
      f"{path}: its brightest value is {high}; {side} is "
      f"{batch.HOLE_LEVEL} and above, up to 255"
    )
  hole = plane >= batch.HOLE_LEVEL
  if invert:
    hole = ~hole
  if dilate and hole.any():
    hole = ndimage.distance_transform_edt(~hole) <= dilate
  return hole


def read_sketch(
  path: pathlib.Path, size: tuple[int, int], *, invert: bool = False
) -> np.ndarray:
  """Reads a sketch, `[H, W] bool`, in which above 153 is line.

  With `invert`, lines are black on white: below 102 is line.
  """
  plane = _read_plane(path, size, resize=False, kind="sketch")
  if invert:
    plane = 255 - plane
  lines = plane > batch.LINE_LEVEL
  if lines.mean() > 0.5:
    change = "without" if invert else "with"
    raise errors.UserError(
      f"{path}: {lines.mean():.0%} of the sketch is line; if its lines are "
      f"{'white on black' if invert else 'black on white'}, run {change} "
      "`invert_sketch`"
    )
  return lines


def describe_size(size: tuple[int, int]) -> str:
  """Returns (height, width) in words, so that their order is clear."""
  height, width = size
  return f"{width} wide and {height} high"


def _read_plane(path, size, *, resize, kind) -> np.ndarray:
  """Returns the deciding channel of a file, `[H, W] uint8`, at `size`."""
  photo = photo_files.read(path)
  plane = photo.alpha
  # Alpha decides only if it separates a drawing from its ground.
  if plane is None or plane.min() >= min(batch.HOLE_LEVEL, plane.max()):
    plane = photo.grey
  if plane.shape == size:
    return plane
  if not resize:
    is_turned = plane.shape == size[::-1]
    hint = " (turned by the picture's Exif data?)" if is_turned else ""
    remedy = "`resize_mask` scales it" if kind == "mask" else "make them equal"
    raise errors.UserError(
      f"{path}: the {kind} is {describe_size(plane.shape)}, its picture "
      f"{describe_size(size)}{hint}; {remedy}"
    )
  rows, columns = (
    (2 * np.arange(wanted) + 1) * have // (2 * wanted)
    for wanted, have in zip(size, plane.shape, strict=True)
  )
  return plane[rows][:, columns]
