"""A photo's edges in NumPy: what `sketches.edges` is in TensorFlow."""

import numpy as np

# ITU-R BT.601, as in JPEG.
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
# Binomial of five, close to a Gaussian of deviation 1.
BLUR = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
# Of 22.5 degrees: between the axes and the diagonals.
TANGENT = 0.41421356


def edges(pixels: np.ndarray) -> np.ndarray:
  """Returns `[H, W] float32 in [0, 1]`, fractions of the strongest edge.

  Args:
    pixels: `[H, W, 3]` uint8, RGB, without a hole.
  """
  grey = np.pad(pixels.astype(np.float32) @ LUMINANCE, 3, mode="symmetric")
  grey = _correlate(_correlate(grey, BLUR, 0), BLUR, 1)
  dx = _correlate(_correlate(grey, (1, 2, 1), 0), (-1, 0, 1), 1)
  dy = _correlate(_correlate(grey, (-1, 0, 1), 0), (1, 2, 1), 1)
  size = np.sqrt(dx**2 + dy**2)
  thin = np.where(_is_largest(size, dx, dy), size, 0)
  return thin / max(thin.max(), np.finfo(np.float32).tiny)


def _correlate(x, weights, axis):
  """Weighted sum of neighbours along an axis, which loses its ends."""
  length = x.shape[axis] - (len(weights) - 1)
  parts = (
    weight * np.take(x, range(i, i + length), axis)
    for i, weight in enumerate(weights)
    if weight
  )
  return sum(parts)


def _is_largest(size, dx, dy):
  """Whether a gradient is the largest of three along its own direction."""
  padded = np.pad(size, 1)
  height, width = size.shape

  def beats(y, x):
    before = padded[1 - y : 1 - y + height, 1 - x : 1 - x + width]
    after = padded[1 + y : 1 + y + height, 1 + x : 1 + x + width]
    return (size > before) & (size >= after)

  flat = np.abs(dy) <= TANGENT * np.abs(dx)
  steep = np.abs(dx) <= TANGENT * np.abs(dy)
  diagonal = np.where(dx * dy > 0, beats(1, 1), beats(1, -1))
  return np.where(flat, beats(0, 1), np.where(steep, beats(1, 0), diagonal))
