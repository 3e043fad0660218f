"""Random brush strokes for a batch of masks, filled inside the tf.data graph.

A stroke is filled row by row: in each row a thick segment with its round ends
covers one interval of columns. All coordinates are integers: points are
truncated when drawn, and quotients and square roots are floored after adding
1/2 to the integer dividend or radicand. This margin exceeds all rounding errors
of float64, so masks are identical on every processor.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from gatedinpaint_jax.data import hole_shapes, tensorflow_draws

# Beyond any column; an integer that float64 holds exactly.
_FAR = np.float64(2**30)
# Stands in for 0 as a divisor: a half divided by it is beyond any column.
_ALMOST_ZERO = np.float64(2**-31)


class Numbers(NamedTuple):
  """The random numbers of one mask's strokes; in a batch, with a first axis.

  Column 0 of the uniform numbers' first row is for the number of strokes, then
  follow a stroke's vertices, brush, two ends of the angles' range, column and
  row of the first vertex, and the angles.
  """

  uniform: tf.Tensor  # [S, 7 + V], for at most S strokes of V vertices
  normal: tf.Tensor  # [S, V], the lengths of the steps


class _Segments(NamedTuple):
  """Thick segments: integers in float64, [N]."""

  x0: tf.Tensor
  y0: tf.Tensor
  x1: tf.Tensor
  y1: tf.Tensor
  brush: tf.Tensor  # thickness in pixels


def draw_numbers(seed: tf.Tensor, shape: hole_shapes.Strokes) -> Numbers:
  """Returns the random numbers of one mask."""
  strokes, steps = shape.count[1], shape.vertices[1]
  step_seed = tensorflow_draws.fold_in(seed, 1)
  return Numbers(
    tensorflow_draws.uniform([strokes, 7 + steps], seed),
    tensorflow_draws.normal([strokes, steps], step_seed),
  )


def fill(
  numbers: Numbers,
  flips: tf.Tensor,
  height: int,
  width: int,
  shape: hole_shapes.Strokes,
) -> tf.Tensor:
  """Returns `[B, height, width] bool` masks of random strokes, true = hole.

  Each of the B masks follows from its own `numbers`. `flips`, `[B, 2]` bool,
  say whether to mirror it left to right and upside down.
  """
  batch_size = tf.shape(flips)[0]
  segments, picture = _random_segments(numbers, flips, height, width, shape)
  first, last = _rows(segments, height)
  row = np.arange(height, dtype=np.int32) * width
  start = picture[:, None] * (height * width) + row
  filled = _fill_rows(first, last, start, width, batch_size * height * width)
  return tf.reshape(filled, [batch_size, height, width])


def _random_segments(numbers, flips, height, width, shape):
  """Returns the segments of all strokes of all masks, and whose each is."""
  strokes, steps = shape.count[1], shape.vertices[1]
  count = tensorflow_draws.Draws(numbers.uniform[:, :1, 0])
  exists = np.arange(strokes) < count.integers(*shape.count, endpoint=True)
  exists = tf.reshape(exists, [-1, 1])
  # [B, S, ...] to [B S, ...]
  uniform, normal = (
    tf.reshape(tf.cast(part, tf.float64), [-1, part.shape[-1]])
    for part in numbers
  )
  _, vertices, brush, low, high, start, angles = tf.split(
    uniform, [1, 1, 1, 1, 1, 2, steps], axis=1
  )
  # In the order in which `Strokes.draw` asks for them.
  draws = tensorflow_draws.Draws(
    vertices, low, high, angles, normal, start, brush
  )
  vertices, points, brush = shape.draw(draws, height, width, tf)
  border = np.float64([width - 1, height - 1])
  flips = tf.repeat(flips, strokes, axis=0)[:, None]
  points = tf.where(flips, border - points, points)  # [B S, V + 1, 2]
  segments = tf.concat(
    [points[:, :-1], points[:, 1:], tf.tile(brush[..., None], [1, steps, 1])],
    axis=-1,
  )
  places = tf.where(exists & (np.arange(steps) < vertices))
  segments = tf.gather_nd(segments, places)
  picture = tf.cast(places[:, 0] // strokes, tf.int32)
  return _Segments(*tf.unstack(segments, axis=1)), picture


def _rows(segments, height):
  """Returns the first and last column of each thick segment in each row.

  Both are `[N, height] float64`; the last lies before the first in a row that
  the segment does not reach.

  With the discs at its ends this is a single interval: the discs are as wide as
  the segment or, for an even thickness, a little wider, so that in each row the
  columns of a disc touch those of the segment.
  """
  first, last = _straight_rows(segments, height)
  radius = segments.brush // 2
  for x, y in (segments[:2], segments[2:4]):
    disc = _disc_rows(x, y, radius, height)
    first, last = tf.minimum(first, disc[0]), tf.maximum(last, disc[1])
  return first, last


def _straight_rows(segments, height):
  """Returns the same without discs; `_FAR` and `-_FAR` in rows not reached.

  A point p is in a segment from a along d of length L and thickness w when
  0 <= d.(p - a) <= L^2 and |d x (p - a)| <= w L / 2: two strips, and in one row
  each of them is an interval of columns.
  """
  x0, y0, x1, y1, brush = segments
  dx, dy = x1 - x0, y1 - y0
  square = dx**2 + dy**2
  # floor(w L / 2): the cross product is an integer, so nothing is lost.
  half = tf.floor(tf.sqrt(tf.floor(brush**2 * square / 4)))
  along = _strip_lines(segments, dx, dy, tf.zeros_like(square), square)
  across = _strip_lines(segments, dy, -dx, -half, half)
  row = np.arange(height, dtype=np.float64)
  lines = tf.stack([*along, *across])  # [4, N, 2]
  bounds = tf.matmul(lines, np.stack([row, np.ones_like(row)])[None])
  first = tf.math.ceil(tf.maximum(bounds[0], bounds[2]))
  last = tf.floor(tf.minimum(bounds[1], bounds[3]))
  # A segment of no length is only its discs.
  empty = (first > last) | (square == 0)[:, None]
  return tf.where(empty, _FAR, first), tf.where(empty, -_FAR, last)


def _strip_lines(segments, right, down, low, high):
  """Returns where low <= right (x - x0) + down (y - y0) <= high.

  Returns:
    The smallest and the largest x before they are rounded, as lines in y: two
    of `[N, 2]`, the slope and the x at y = 0.
  """
  negative = right < 0
  sign = tf.where(negative, -tf.ones_like(right), tf.ones_like(right))
  low, high = tf.where(negative, -high, low), tf.where(negative, -low, high)
  divisor = tf.maximum(tf.abs(right), _ALMOST_ZERO)
  slope = -sign * down / divisor
  start = segments.x0 - slope * segments.y0
  return (
    tf.stack([slope, start + (low - 0.5) / divisor], axis=1),
    tf.stack([slope, start + (high + 0.5) / divisor], axis=1),
  )


def _disc_rows(x, y, radius, height):
  """Returns the first and last column of each disc in each row, [N, H].

  A disc of radius r is 2 r + 1 pixels across: x^2 + y^2 <= r^2 + r.
  """
  down = np.arange(height, dtype=np.float64) - y[:, None]
  left_over = (radius**2 + radius + 0.5)[:, None] - down**2
  half = tf.floor(tf.sqrt(tf.maximum(left_over, 0)))
  half = tf.where(left_over > 0, half, -_FAR)
  return x[:, None] - half, x[:, None] + half


def _fill_rows(first, last, starts, width, size):
  """Returns `[size] bool`, true in the intervals [first, last] of some rows.

  Columns are float64 of any shape; `starts`, int32 of the same shape, are the
  positions of column 0. `size` is the number of all rows times `width`.
  """
  first, end = (
    starts + tf.cast(tf.clip_by_value(column, 0, width), tf.int32)
    for column in (first, last + 1)
  )
  # Empty where the end lies before the start.
  filled = tf.ragged.range(tf.reshape(first, [-1]), tf.reshape(end, [-1]))
  # Ten times as fast as to scatter ones.
  mask = tf.raw_ops.DenseBincount(
    input=filled.values[None],
    size=size,
    weights=tf.zeros([0], tf.float32),
    binary_output=True,
  )
  return mask[0] > 0
