"""Finds windows around holes, to compute only these.

A window contains its holes completely, with known pixels around them for the
networks to copy from. Windows do not overlap.
"""

import numpy as np
from scipy import ndimage

# The networks were trained at 256 x 256; smaller windows show too little.
_MIN_SIDE = 256
# As in training, where a hole is about half as high and wide as the picture.
_TIMES_THE_HOLE = 2
# Sides are multiples of this where possible, to compile fewer programs.
_SIDE_MULTIPLE = 64
# Least margin of a window around its hole, except at the picture's border:
# (max(256, 2 * extent) - extent) / 2 for an extent of 128.
_MIN_MARGIN = 64
_DIAGONALS_CONNECT = np.ones((3, 3))


def find(hole: np.ndarray) -> list[tuple[slice, slice]]:
  """Returns the windows (rows, columns) of a hole `[H, W] bool`.

  Holes whose windows would overlap share one.
  """
  holes = [_holes_within(box, hole) for box in _neighbours(hole)]
  while True:
    windows = np.zeros(hole.shape, bool)
    for box in holes:
      windows[_around(box, hole.shape)] = True
    labels, count = ndimage.label(windows)
    merged = ndimage.find_objects(labels)
    # Merge holes whose windows overlap; the larger window may reach another.
    if count == len(holes):
      return merged
    holes = [_holes_within(box, hole) for box in merged]


def _neighbours(hole):
  """Returns boxes around groups of holes that surely share a window.

  Holes in the same block or in adjacent blocks are closer than two margins.
  Blocks are few even if the mask has thousands of specks.
  """
  blocks = hole
  for axis, side in enumerate(hole.shape):
    starts = np.arange(0, side, _MIN_MARGIN)
    blocks = np.logical_or.reduceat(blocks, starts, axis)
  labels, _ = ndimage.label(blocks, _DIAGONALS_CONNECT)
  return [
    tuple(slice(s.start * _MIN_MARGIN, s.stop * _MIN_MARGIN) for s in box)
    for box in ndimage.find_objects(labels)
  ]


def _holes_within(box, hole):
  """Returns the bounding box of the hole pixels in a box."""
  (bounds,) = ndimage.find_objects(hole[box].astype(np.uint8))
  return tuple(
    slice(outer.start + inner.start, outer.start + inner.stop)
    for outer, inner in zip(box, bounds, strict=True)
  )


def _around(box, size):
  """Returns the window around a box, moved to lie inside the picture."""
  window = []
  for side, length in zip(box, size, strict=True):
    wanted = max(_MIN_SIDE, _TIMES_THE_HOLE * (side.stop - side.start))
    wanted = min(-(-wanted // _SIDE_MULTIPLE) * _SIDE_MULTIPLE, length)
    start = (side.start + side.stop - wanted) // 2
    start = min(max(start, 0), length - wanted)
    window.append(slice(start, start + wanted))
  return tuple(window)
