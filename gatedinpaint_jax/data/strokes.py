"""Random brush strokes for a batch of masks, drawn inside the tf.data graph.

A stroke is filled row by row: in each row a thick segment with its round ends
covers one interval of columns. Coordinates are whole numbers: vertices are
truncated before the next step, and of quotients and roots of whole numbers only
the whole part is used, after a half is added to what is divided. That half is
more than all rounding errors of float64 together, so a mask does not depend on
the processor.

Source: the released program's free-form masks, where x is the column and y the
row; it limits x by the height and y by the width, which shows on pictures that
are not square and is not repeated here.
"""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from gatedinpaint_jax.data import hole_shapes

# Further than any column; whole and exact.
_FAR = np.float64(2**30)
# Stands in for 0 as a divisor: a half divided by it is further than any column.
_ALMOST_ZERO = np.float64(2**-31)


class Draws(NamedTuple):
  """The random numbers of one mask's strokes; of a batch, with an axis more."""

  uniform: tf.Tensor  # [S, 7 + V], for at most S strokes of V vertices
  normal: tf.Tensor  # [S, V]


class _Segments(NamedTuple):
  """Thick segments: whole numbers in float64, [N]."""

  x0: tf.Tensor
  y0: tf.Tensor
  x1: tf.Tensor
  y1: tf.Tensor
  brush: tf.Tensor  # thickness in pixels


def draw_numbers(seed: tf.Tensor, shape: hole_shapes.Strokes) -> Draws:
  """Returns the random numbers of one mask; their order is the contract.

  Args:
    seed: `[2]` integers; the same seed gives the same numbers.
    shape: what the strokes are like.
  """
  strokes, steps = shape.count[1], shape.vertices[1]
  fixed = 7  # draws a stroke besides its angles
  step_seed = tf.random.experimental.stateless_fold_in(seed, 1, alg="philox")
  return Draws(
    tf.random.stateless_uniform([strokes, fixed + steps], seed, alg="philox"),
    tf.random.stateless_normal([strokes, steps], step_seed, alg="philox"),
  )


def fill(
  draws: Draws,
  mirrored: tf.Tensor,
  height: int,
  width: int,
  shape: hole_shapes.Strokes,
) -> tf.Tensor:
  """Returns `[B, height, width] float32` masks of random strokes, 1 = hole.

  Together, because most of the time goes to starting operations: one by one,
  masks take almost twice as long.

  Args:
    draws: of a batch of B masks; each mask follows from its own.
    mirrored: `[B, 2]` bool, whether to mirror upside down and left to right.
    height: rows of the masks, in pixels.
    width: columns of the masks, in pixels.
    shape: what the strokes are like.
  """
  batch_size = tf.shape(mirrored)[0]
  segments, picture = _random_segments(draws, mirrored, height, width, shape)
  first, last = _rows(segments, height)
  row = np.arange(height, dtype=np.int32) * width
  start = picture[:, None] * (height * width) + row
  filled = _fill_rows(first, last, start, width, batch_size * height * width)
  return tf.reshape(filled, [batch_size, height, width])


def _random_segments(draws, mirrored, height, width, shape):
  """Returns the segments of all strokes of all masks, and whose each is."""
  strokes, steps = shape.count[1], shape.vertices[1]
  # [B, S, ...] to [B S, ...]
  uniform, normal = (
    tf.reshape(tf.cast(part, tf.float64), [-1, part.shape[-1]])
    for part in draws
  )
  # The number of strokes takes the first column of a mask's first row.
  count = _whole(draws.uniform[:, :1, 0], shape.count)
  exists = tf.reshape(np.arange(strokes) < count, [-1, 1])
  vertices = _whole(uniform[:, 1:2], shape.vertices)
  brush = _whole(uniform[:, 2:3], shape.brush_pixels(height, width))
  points = _random_points(uniform, normal, height, width, shape)
  flip = tf.repeat(mirrored[:, ::-1], strokes, axis=0)[:, None]
  border = np.float64([width - 1, height - 1])
  points = tf.where(flip, border - points, points)  # [B S, V + 1, 2]
  segments = tf.concat(
    [points[:, :-1], points[:, 1:], tf.tile(brush[..., None], [1, steps, 1])],
    axis=-1,
  )
  places = tf.where(exists & (np.arange(steps) < vertices))
  segments = tf.gather_nd(segments, places)
  picture = tf.cast(places[:, 0] // strokes, tf.int32)
  return _Segments(*tf.unstack(segments, axis=1)), picture


def _random_points(uniform, normal, height, width, shape):
  """Returns the vertices (x, y) of strokes, `[S, V + 1, 2]`."""
  steps = shape.vertices[1]
  low = shape.mean_angle - uniform[:, 3:4] * shape.angle_range
  high = shape.mean_angle + uniform[:, 4:5] * shape.angle_range
  angle = low + uniform[:, 7:] * (high - low)  # [S, V]
  angle = tf.where(np.arange(steps) % 2 == 0, 2 * math.pi - angle, angle)
  mean, deviation = shape.step_pixels(height, width)
  length = tf.clip_by_value(mean + normal * deviation, 0, 2 * mean)
  step = tf.stack([length * tf.cos(angle), length * tf.sin(angle)], axis=-1)
  limit = np.float64([width, height])
  points = [tf.floor(uniform[:, 5:7] * limit)]
  for i in range(steps):
    moved = tf.clip_by_value(points[-1] + step[:, i], 0, limit)
    points.append(tf.floor(moved))
  return tf.stack(points, axis=1)


def _whole(uniform, bounds):
  """Turns [0, 1) into whole numbers from bounds[0] to bounds[1], inclusive."""
  uniform = tf.cast(uniform, tf.float64)
  return bounds[0] + tf.floor(uniform * (bounds[1] - bounds[0] + 1))


def _rows(segments, height):
  """Returns the first and last column of each thick segment in each row.

  Both are `[N, height] float64`; the last lies before the first in a row that
  the segment does not reach.

  With the discs at its ends this is a single interval: the discs are as wide as
  the segment or, for an even thickness, a little wider, so that in each row all
  that is there of a disc touches the rest.
  """
  first, last = _straight_rows(segments, height)
  radius = segments.brush // 2
  for x, y in (segments[:2], segments[2:4]):
    disc = _disc_rows(x, y, radius, height)
    first, last = tf.minimum(first, disc[0]), tf.maximum(last, disc[1])
  return first, last


def _straight_rows(segments, height):
  """Returns the same without discs; `_FAR` and `-_FAR` where there is nothing.

  A point p is in a segment from a along d of length L and thickness w when
  0 <= d.(p - a) <= L^2 and |d x (p - a)| <= w L / 2: two strips, and in one row
  each of them is an interval of columns.
  """
  x0, y0, x1, y1, brush = segments
  dx, dy = x1 - x0, y1 - y0
  square = dx**2 + dy**2
  # floor(w L / 2): the cross product is whole, so nothing is lost.
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
  """Returns `[size] float32`, 1 in the intervals [first, last] of some rows.

  Args:
    first: column from which to fill; any shape, any number.
    last: column up to which to fill, alike.
    starts: position of the row's column 0, int32 alike.
    width: columns of a row.
    size: rows times width.
  """
  first, end = (
    starts + tf.cast(tf.clip_by_value(column, 0, width), tf.int32)
    for column in (first, last + 1)
  )
  # Empty where the end lies before the start.
  filled = tf.raw_ops.RaggedRange(
    starts=tf.reshape(first, [-1]),
    limits=tf.reshape(end, [-1]),
    deltas=1,
    Tsplits=tf.int64,
  ).rt_dense_values
  # Ten times as fast as to scatter ones.
  mask = tf.raw_ops.DenseBincount(
    input=filled[None],
    size=size,
    weights=tf.zeros([0], tf.float32),
    binary_output=True,
  )
  return mask[0]
