"""Lines that guide a model: paired files or the photo's own edges, in TF.

Sketches are `[H, W, 1] float32`, 1 = line, and 0 outside the hole.
"""

import tensorflow as tf

from gatedinpaint_jax.data import drawn_edges, recipe


def sketch(
  strength: tf.Tensor,
  mask: tf.Tensor,
  seed: tf.Tensor,
  sketching: recipe.Sketching,
) -> tf.Tensor:
  """Returns the lines inside the hole, `[H, W, 1] float32`, 1 = line.

  Args:
    strength: `[H, W, 1]` float32 in [0, 1], of lines or edges.
    mask: `[H, W, 1]` float32, 1 = hole.
    seed: `[2]` integers that decide whether the sketch is dropped.
    sketching: threshold, exclusive, and probability of dropping.
  """
  lines = tf.cast(strength > sketching.threshold, tf.float32) * mask
  if not sketching.drop_probability:
    return lines
  uniform = tf.random.stateless_uniform([], seed, alg="philox")
  return lines * tf.cast(uniform >= sketching.drop_probability, tf.float32)


def edges(pixels: tf.Tensor) -> tf.Tensor:
  """Returns the thin edges of a photo as fractions of its strongest one.

  Luminance, a small blur, Sobel's gradient, and only what is the largest along
  its own gradient. A picture of one colour has no edges.

  Args:
    pixels: `[H, W, 3]` uint8 or float32 in [0, 255], RGB, without a hole.

  Returns:
    `[H, W, 1]` float32 in [0, 1].
  """
  grey = tf.tensordot(tf.cast(pixels, tf.float32), drawn_edges.LUMINANCE, 1)
  # Mirrored borders: zeros beyond the picture would be edges.
  grey = tf.pad(grey, [[3, 3], [3, 3]], mode="SYMMETRIC")
  grey = _correlate(_correlate(grey, drawn_edges.BLUR, 0), drawn_edges.BLUR, 1)
  dx = _correlate(_correlate(grey, (1, 2, 1), 0), (-1, 0, 1), 1)
  dy = _correlate(_correlate(grey, (-1, 0, 1), 0), (1, 2, 1), 1)
  size = tf.sqrt(dx**2 + dy**2)
  thin = tf.where(_is_largest(size, dx, dy), size, tf.zeros_like(size))
  return tf.math.divide_no_nan(thin, tf.reduce_max(thin))[..., None]


def _correlate(x, weights, axis):
  """Weighted sum of neighbours along an axis, which loses its ends."""
  length = tf.shape(x)[axis] - (len(weights) - 1)
  total = 0
  for i, weight in enumerate(weights):
    if weight:
      part = x[i : i + length] if axis == 0 else x[:, i : i + length]
      total += weight * part
  return total


def _is_largest(size, dx, dy):
  """Whether a gradient is at least as large as both along its direction.

  The direction is the nearest of horizontal, vertical and the two diagonals;
  of two equal neighbours only the one further left or up is kept.
  """
  height, width = tf.shape(size)[0], tf.shape(size)[1]
  padded = tf.pad(size, [[1, 1], [1, 1]])

  def beats(y, x):
    before = padded[1 - y : 1 - y + height, 1 - x : 1 - x + width]
    after = padded[1 + y : 1 + y + height, 1 + x : 1 + x + width]
    return (size > before) & (size >= after)

  flat = tf.abs(dy) <= drawn_edges.TANGENT * tf.abs(dx)
  steep = tf.abs(dx) <= drawn_edges.TANGENT * tf.abs(dy)
  diagonal = tf.where(dx * dy > 0, beats(1, 1), beats(1, -1))
  return tf.where(flat, beats(0, 1), tf.where(steep, beats(1, 0), diagonal))
