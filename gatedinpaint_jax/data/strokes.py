"""Random brush strokes, drawn inside the tf.data graph.

Coordinates are whole numbers: vertices are truncated before the next step, and
the filled rows follow from integer arithmetic, so that a mask does not depend
on the processor. The integers are held in float64, which is exact below 2**53
and, unlike int64, has vectorised division: quotients and roots are correctly
rounded, so `floor` of them is the integer result.

Source: the released program's free-form masks, where x is the column and y the
row; it limits x by the height and y by the width, which shows on pictures that
are not square and is not repeated here.
"""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from gatedinpaint_jax.data import hole_shapes

# Columns that are added up at once.
_BLOCK = 16


class _Paths(NamedTuple):
  """Strokes as vertices: whole numbers in float64, [S, ...] for S strokes."""

  x: tf.Tensor  # [S, V + 1], columns
  y: tf.Tensor  # [S, V + 1], rows
  vertices: tf.Tensor  # [S], vertices in use after the first; -1 for no stroke
  brush: tf.Tensor  # [S], thickness in pixels


def draw(
  seed: tf.Tensor, height: int, width: int, shape: hole_shapes.Strokes
) -> tf.Tensor:
  """Returns a `[height, width]` bool mask of random strokes, True = hole.

  Args:
    seed: `[2]` integers; the same seed gives the same mask.
    height: rows of the mask, in pixels.
    width: columns of the mask, in pixels.
    shape: what the strokes are like.
  """
  paths = _random_paths(seed, height, width, shape)
  rows = tf.range(height, dtype=tf.float64)[None]
  steps = tf.range(shape.vertices[1], dtype=tf.float64)
  segments = tf.boolean_mask(
    tf.stack(
      [
        paths.x[:, :-1],
        paths.y[:, :-1],
        paths.x[:, 1:],
        paths.y[:, 1:],
        tf.tile(paths.brush[:, None], [1, shape.vertices[1]]),
      ],
      axis=-1,
    ),
    steps < paths.vertices[:, None],
  )
  radius = tf.tile(paths.brush[:, None] // 2, [1, shape.vertices[1] + 1])
  discs = tf.boolean_mask(
    tf.stack([paths.x, paths.y, radius], axis=-1),
    tf.pad(steps + 1, [[1, 0]]) <= paths.vertices[:, None],
  )
  bounds = zip(
    _segment_rows(segments, rows), _disc_rows(discs, rows), strict=True
  )
  first, last = (tf.concat(bound, axis=0) for bound in bounds)
  return _fill_rows(first, last, width)


def _random_paths(seed, height, width, shape) -> _Paths:
  """Draws where the strokes go; the order of the draws is the contract."""
  strokes, steps = shape.count[1], shape.vertices[1]
  fixed = 7  # draws a stroke besides its angles
  uniform = tf.cast(
    tf.random.stateless_uniform([strokes, fixed + steps], seed, alg="philox"),
    tf.float64,
  )
  step_seed = tf.random.experimental.stateless_fold_in(seed, 1, alg="philox")
  normal = tf.cast(
    tf.random.stateless_normal([strokes, steps], step_seed, alg="philox"),
    tf.float64,
  )
  # The number of strokes takes the first column of the first row.
  count = _whole(uniform[0, 0], shape.count)
  vertices = _whole(uniform[:, 1], shape.vertices)
  exists = tf.range(strokes, dtype=tf.float64) < count
  vertices = tf.where(exists, vertices, -tf.ones_like(vertices))
  brush = _whole(uniform[:, 2], shape.brush_pixels(height, width))
  low = shape.mean_angle - uniform[:, 3:4] * shape.angle_range
  high = shape.mean_angle + uniform[:, 4:5] * shape.angle_range
  angle = low + uniform[:, fixed:] * (high - low)  # [S, V]
  turns = tf.range(steps) % 2 == 0
  angle = tf.where(turns, 2 * math.pi - angle, angle)

  mean, deviation = shape.step_pixels(height, width)
  length = tf.clip_by_value(mean + normal * deviation, 0, 2 * mean)
  step_x = tf.unstack(length * tf.cos(angle), axis=1)
  step_y = tf.unstack(length * tf.sin(angle), axis=1)
  x = [tf.floor(uniform[:, 5] * width)]
  y = [tf.floor(uniform[:, 6] * height)]
  for i in range(steps):
    x.append(tf.floor(tf.clip_by_value(x[-1] + step_x[i], 0, width)))
    y.append(tf.floor(tf.clip_by_value(y[-1] + step_y[i], 0, height)))
  return _Paths(tf.stack(x, 1), tf.stack(y, 1), vertices, brush)


def _whole(uniform, bounds):
  """Turns [0, 1) into whole numbers from bounds[0] to bounds[1], inclusive."""
  return bounds[0] + tf.floor(uniform * (bounds[1] - bounds[0] + 1))


def _segment_rows(segments, rows):
  """Returns the first and last column of each segment in each row, [N, H].

  A point p is in a segment from a along d of length L and thickness w when
  0 <= d.(p - a) <= L^2 and |d x (p - a)| <= w L / 2: two strips, and in one row
  each of them is an interval of columns.
  """
  x0, y0, x1, y1, brush = (s[:, None] for s in tf.unstack(segments, axis=1))
  dx, dy = x1 - x0, y1 - y0
  square = dx**2 + dy**2
  down = rows - y0  # [N, H]
  # floor(w L / 2): the cross product is whole, so nothing is lost.
  half = tf.floor(tf.sqrt(tf.floor(brush**2 * square / 4)))
  # Along: -dy down <= dx right <= L^2 - dy down. Across, the same with -dy for
  # dx: dx down - half <= dy right <= dx down + half.
  along = _columns(dx, -dy * down, square - dy * down)
  across = _columns(dy, dx * down - half, dx * down + half)
  first = x0 + tf.maximum(along[0], across[0])
  last = x0 + tf.minimum(along[1], across[1])
  # A segment of no length is only its disc.
  return first, tf.where(square > 0, last, -_FAR)


# Further than any column; whole and exact, so that it needs no special cases.
_FAR = np.float64(2**30)


def _columns(factor, low, high):
  """Returns the smallest and largest integer x with low <= factor x <= high."""
  divisor = tf.where(factor == 0, tf.ones_like(factor), tf.abs(factor))
  smallest = tf.math.ceil(low / divisor)
  largest = tf.floor(high / divisor)
  forwards = factor > 0
  everywhere = tf.where((low <= 0) & (high >= 0), _FAR, -_FAR)
  zero = factor == 0
  return (
    tf.where(zero, -everywhere, tf.where(forwards, smallest, -largest)),
    tf.where(zero, everywhere, tf.where(forwards, largest, -smallest)),
  )


def _disc_rows(discs, rows):
  """Returns the first and last column of each disc in each row, [N, H].

  A disc of radius r is 2 r + 1 pixels across: x^2 + y^2 <= r^2 + r.
  """
  x, y, radius = (d[:, None] for d in tf.unstack(discs, axis=1))
  left_over = radius**2 + radius - (rows - y) ** 2
  half = tf.floor(tf.sqrt(tf.maximum(left_over, 0)))
  return x - half, tf.where(left_over >= 0, x + half, -_FAR)


def _fill_rows(first, last, width):
  """Returns `[H, width]` bool, True where any interval [first, last] is.

  Counts the intervals that open and close at each column and adds up along
  the row: the time hardly depends on the number of shapes.
  """
  height = first.shape[1]
  opens = tf.clip_by_value(first, 0, width)
  closes = tf.maximum(tf.clip_by_value(last + 1, 0, width), opens)
  # At least one column more than the picture has: intervals close there.
  blocks = width // _BLOCK + 1
  start = tf.range(height)[None] * (blocks * _BLOCK)
  columns = tf.cast(tf.stack([opens, closes]), tf.int32)  # [2, N, H]
  changes = tf.math.unsorted_segment_sum(
    tf.stack(
      [tf.ones_like(first, tf.float32), -tf.ones_like(first, tf.float32)]
    ),
    start + columns,
    height * blocks * _BLOCK,
  )
  # A running sum in two levels; tf.cumsum takes three times as long. The
  # counts are small whole numbers, exact in float32.
  changes = tf.reshape(changes, [height * blocks, _BLOCK])
  within = tf.matmul(changes, tf.linalg.band_part(tf.ones([_BLOCK] * 2), 0, -1))
  sums = tf.reshape(within[:, -1], [height, blocks])
  earlier = tf.ones([blocks] * 2) - tf.linalg.band_part(
    tf.ones([blocks] * 2), -1, 0
  )
  before = tf.matmul(sums, earlier)
  covers = tf.reshape(within, [height, blocks, _BLOCK]) + before[..., None]
  return tf.reshape(covers, [height, blocks * _BLOCK])[:, :width] > 0
