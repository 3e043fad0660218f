"""Pictures of any size for networks that take multiples of 8.

Padding is added below and to the right, so that what is there keeps its place
on the networks' grid, and mirrors the picture.
"""

import numpy as np

from gatedinpaint_jax import batch


def padded_size(
  height: int, width: int, *, bucket: int = batch.SIZE_MULTIPLE
) -> tuple[int, int]:
  """Returns both sides rounded up to multiples of `bucket`."""
  return -(-height // bucket) * bucket, -(-width // bucket) * bucket


def pad(x: np.ndarray, height: int, width: int) -> np.ndarray:
  """Mirrors `[B, H, W, ...]` beyond its last row and column.

  The border itself is not repeated, unless there is nothing else to mirror.

  Args:
    x: pictures, masks or sketches.
    height: rows wanted, at least those of `x`.
    width: columns wanted, at least those of `x`.
  """
  rows, columns = height - x.shape[1], width - x.shape[2]
  if not rows and not columns:
    return x
  widths = [(0, 0), (0, rows), (0, columns)] + [(0, 0)] * (x.ndim - 3)
  return np.pad(x, widths, mode="reflect")
