"""Lines that guide a model, from a photo's own edges: NumPy or TensorFlow."""

from types import ModuleType
from typing import Any

import numpy as np

from gatedinpaint_jax import values

# Binomial of five, close to a Gaussian of deviation 1.
BLUR = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
# tan(22.5 degrees): halfway between an axis and a diagonal.
TANGENT = 0.41421356


def edges(pixels: Any, xp: ModuleType) -> Any:
  """Returns the thin edges of a photo as fractions of its strongest one.

  Luminance, a small blur, Sobel's gradient, and only pixels whose gradient is
  the largest along its own direction. A picture of one colour has no edges, and
  neither has the border of missing values. Channels that are not RGB are
  averaged.

  Args:
    pixels: `[H, W, C]` float32, without a hole, NaN where missing.
    xp: the library whose array it is, `numpy` or `tensorflow`.

  Returns:
    `[H, W]` float32 in [0, 1].
  """
  channels = pixels.shape[-1]
  weights = np.full(channels, 1 / channels, np.float32)
  grey = xp.tensordot(pixels, values.LUMINANCE if channels == 3 else weights, 1)
  # Mirrored borders: zeros outside the picture would be edges.
  grey = xp.pad(grey, [[3, 3], [3, 3]], mode="symmetric")
  grey = _correlate(_correlate(grey, BLUR, 0), BLUR, 1)
  # Sobel: [1 2 1] smooths across the direction that [-1 0 1] differentiates.
  dx = _correlate(_correlate(grey, (1, 2, 1), 0), (-1, 0, 1), 1)
  dy = _correlate(_correlate(grey, (-1, 0, 1), 0), (1, 2, 1), 1)
  size = xp.sqrt(dx**2 + dy**2)
  thin = xp.where(_is_largest(size, dx, dy, xp), size, xp.zeros_like(size))
  # The norm is the largest value: both libraries have it under this name.
  largest = xp.linalg.norm(xp.reshape(thin, [-1]), np.inf)
  return thin / xp.maximum(largest, np.finfo(np.float32).tiny)


def _correlate(x, weights, axis):
  """Weighted sum of neighbours along an axis, which is shorter at its ends."""
  total, lost = 0, len(weights) - 1
  for i, weight in enumerate(weights):
    part = slice(i, i - lost or None)
    if weight:
      total += weight * (x[part] if axis == 0 else x[:, part])
  return total


def _is_largest(size, dx, dy, xp):
  """Whether a gradient is at least as large as both along its direction.

  The direction is the nearest of horizontal, vertical and the two diagonals;
  of two equal neighbours only the one further left or up is kept.
  """
  padded = xp.pad(size, [[1, 1], [1, 1]])

  def shifted(y, x):  # the neighbours at (y, x), each -1, 0 or 1
    return padded[1 + y : y - 1 or None, 1 + x : x - 1 or None]

  def beats(y, x):
    return (size > shifted(-y, -x)) & (size >= shifted(y, x))

  flat = xp.abs(dy) <= TANGENT * xp.abs(dx)
  steep = xp.abs(dx) <= TANGENT * xp.abs(dy)
  diagonal = xp.where(dx * dy > 0, beats(1, 1), beats(1, -1))
  return xp.where(flat, beats(0, 1), xp.where(steep, beats(1, 0), diagonal))
