"""Pads pictures of any size by reflection to multiples of 8.

Padding is added at the bottom and right, so that pixels keep their position on
the networks' grid.
"""

from collections.abc import Iterable

import numpy as np

from gatedinpaint_jax import batch as batch_lib


def round_up(
  size: Iterable[int], multiple: int = batch_lib.SIZE_MULTIPLE
) -> tuple[int, ...]:
  """Returns the next multiple of each side."""
  return tuple(-(-side // multiple) * multiple for side in size)


def pad(x: np.ndarray, height: int, width: int) -> np.ndarray:
  """Reflects `[B, H, W, ...]` at its last row and column, without repeating it.

  A single row or column is repeated.
  """
  rows, columns = height - x.shape[1], width - x.shape[2]
  if not rows and not columns:
    return x
  widths = [(0, 0), (0, rows), (0, columns)] + [(0, 0)] * (x.ndim - 3)
  return np.pad(x, widths, mode="reflect")
