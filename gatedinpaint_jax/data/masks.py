"""Training holes inside the tf.data graph: strokes, boxes, files.

Masks are `[H, W, 1] float32`, 1 = hole, one for each picture.
"""

import os
from collections.abc import Sequence

import tensorflow as tf

from gatedinpaint_jax.data import hole_shapes, strokes

# What each draw is for; a number once given keeps its meaning.
_STROKES, _BOX, _FILE, _FLIP = range(4)


def make_mask(
  seed: tf.Tensor,
  height: int,
  width: int,
  *,
  holes: hole_shapes.Holes | None = None,
) -> tf.Tensor:
  """Returns one random mask, `[height, width, 1] float32`, 1 = hole.

  Args:
    seed: `[2]` integers; the same seed gives the same mask, in a tf.data map
      and outside.
    height: rows, in pixels.
    width: columns, in pixels.
    holes: what the holes are like; as released (with flips) when None.

  Raises:
    tf.errors.OpError: when run, if a mask picture cannot be read.
  """
  holes = holes or hole_shapes.Holes()
  parts = []
  if holes.kind in {"strokes", "strokes_and_boxes"}:
    parts.append(
      strokes.draw(_fold(seed, _STROKES), height, width, holes.strokes)
    )
  if holes.kind in {"boxes", "strokes_and_boxes"}:
    parts.append(_draw_box(_fold(seed, _BOX), height, width, holes.boxes))
  if holes.kind == "files":
    parts.append(_pick_file(_fold(seed, _FILE), height, width, holes))
  hole = parts[0] if len(parts) == 1 else tf.logical_or(*parts)
  if holes.flip:
    hole = _flip(_fold(seed, _FLIP), hole)
  hole = tf.ensure_shape(hole, [height, width])
  return tf.cast(hole, tf.float32)[..., None]


def unreadable_files(paths: Sequence[str]) -> list[str]:
  """Returns those of the mask pictures that cannot be decoded."""
  unreadable = []
  for path in paths:
    try:
      _decode(tf.constant(os.fsencode(path)))
    except tf.errors.OpError:
      unreadable.append(path)
  return unreadable


def _fold(seed, purpose):
  return tf.random.experimental.stateless_fold_in(seed, purpose, alg="philox")


def _draw_box(seed, height, width, shape) -> tf.Tensor:
  """Returns `[height, width]` bool with one box, anywhere inside."""
  box_height, box_width, shrink_y, shrink_x = shape.pixels(height, width)
  ranges = tf.constant(
    [*shape.last_corner(height, width), shrink_y, shrink_x], tf.float64
  )
  uniform = tf.random.stateless_uniform([4], seed, alg="philox")
  draws = tf.floor(tf.cast(uniform, tf.float64) * (ranges + 1))
  top, left, move_y, move_x = tf.unstack(tf.cast(draws, tf.int32))
  y, x = tf.range(height)[:, None], tf.range(width)[None]
  return (
    (y >= top + move_y)
    & (y < top + box_height - move_y)
    & (x >= left + move_x)
    & (x < left + box_width - move_x)
  )


def _pick_file(seed, height, width, holes) -> tf.Tensor:
  """Returns `[height, width]` bool from one of the mask pictures."""
  index = tf.random.stateless_uniform(
    [], seed, 0, len(holes.paths), tf.int64, alg="philox"
  )
  pixels = _decode(
    tf.gather([os.fsencode(path) for path in holes.paths], index)
  )
  pixels = tf.image.resize(pixels, [height, width], method="nearest")
  hole = pixels[..., 0] >= hole_shapes.HOLE_LEVEL
  return ~hole if holes.invert else hole


def _decode(path) -> tf.Tensor:
  # Three channels, of which one is used: WebP cannot be decoded to grey.
  return tf.io.decode_image(
    tf.io.read_file(path), channels=3, expand_animations=False
  )


def _flip(seed, hole) -> tf.Tensor:
  """Mirrors left to right and upside down, each for every other mask."""
  uniform = tf.random.stateless_uniform([2], seed, alg="philox")
  # A mask of axes in one operation: slices with step -1 take ten times as long.
  return tf.raw_ops.Reverse(tensor=hole, dims=uniform[::-1] < 0.5)
