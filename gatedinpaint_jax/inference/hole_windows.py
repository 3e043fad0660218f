"""Finds the neighbourhoods of holes, to compute these alone.

A window holds each of its holes whole, with known pixels around them for the
networks to copy from; no two windows share a pixel.
"""

import numpy as np
from scipy import ndimage

# The networks were trained on 256 x 256; smaller windows show too little.
_LEAST_SIDE = 256
# In training, a hole is about half as high and as wide as the picture.
_TIMES_THE_HOLE = 2
# Sides are multiples of this where the picture allows, for fewer programs.
_SIDE_MULTIPLE = 64
# A window reaches at least this far beyond its hole, unless the picture ends:
# (max(256, 2 * extent) - extent) / 2 is least for an extent of 128.
_LEAST_MARGIN = 64
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
    # What overlaps is one hole as far as windows go; a larger window may reach
    # a further one.
    if count == len(holes):
      return merged
    holes = [_holes_within(box, hole) for box in merged]


def _neighbours(hole):
  """Returns boxes that hold all holes, those of one window together.

  Two holes in one block, or in blocks that touch, are closer than two margins.
  A mask may be specks by the thousand; blocks are few.
  """
  blocks = np.zeros(-(-np.array(hole.shape) // _LEAST_MARGIN), bool)
  for i, rows in enumerate(range(0, hole.shape[0], _LEAST_MARGIN)):
    columns = hole[rows : rows + _LEAST_MARGIN].any(0)
    starts = np.arange(0, hole.shape[1], _LEAST_MARGIN)
    blocks[i] = np.logical_or.reduceat(columns, starts)
  labels, _ = ndimage.label(blocks, _DIAGONALS_CONNECT)
  return [
    tuple(slice(s.start * _LEAST_MARGIN, s.stop * _LEAST_MARGIN) for s in box)
    for box in ndimage.find_objects(labels)
  ]


def _holes_within(box, hole):
  """Returns the box around what of the hole lies in a box."""
  rows, columns = np.nonzero(hole[box])
  top, left = box[0].start, box[1].start
  return (
    slice(top + rows.min(), top + rows.max() + 1),
    slice(left + columns.min(), left + columns.max() + 1),
  )


def _around(box, size):
  """Returns the window around a box, moved inside a picture of this size."""
  return tuple(
    _around_side(side, length) for side, length in zip(box, size, strict=True)
  )


def _around_side(side, length):
  extent = side.stop - side.start
  wanted = max(_LEAST_SIDE, _TIMES_THE_HOLE * extent)
  wanted = min(-(-wanted // _SIDE_MULTIPLE) * _SIDE_MULTIPLE, length)
  start = (side.start + side.stop - wanted) // 2
  start = min(max(start, 0), length - wanted)
  return slice(start, start + wanted)
