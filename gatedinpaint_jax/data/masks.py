"""Training holes inside the tf.data graph: strokes, boxes, files.

Masks are `[H, W, 1] float32`, 1 = hole, one for each picture. What is random
about a mask is drawn by itself; the masks of a batch are filled together, which
is faster.
"""

import os
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from gatedinpaint_jax import batch as batch_lib
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
  draws = draw_numbers(seed, height, width, holes)
  batch = tf.nest.map_structure(lambda part: part[None], draws)
  return fill(batch, height, width, holes)[0]


def draw_numbers(
  seed: tf.Tensor, height: int, width: int, holes: hole_shapes.Holes
) -> dict[str, Any]:
  """Returns all that is random about one mask; batches of it go to `fill`.

  Takes what `make_mask` takes, and raises what it does.
  """
  draws = {}
  if holes.kind in {"strokes", "strokes_and_boxes"}:
    draws["strokes"] = strokes.draw_numbers(
      _fold(seed, _STROKES), holes.strokes
    )
  if holes.kind in {"boxes", "strokes_and_boxes"}:
    draws["box"] = tf.random.stateless_uniform(
      [4], _fold(seed, _BOX), alg="philox"
    )
  if holes.kind == "files":
    draws["picture"] = _pick_file(_fold(seed, _FILE), height, width, holes)
  mirrored = tf.zeros([2], tf.bool)
  if holes.flip:
    uniform = tf.random.stateless_uniform([2], _fold(seed, _FLIP), alg="philox")
    mirrored = uniform[::-1] < 0.5
  draws["mirrored"] = mirrored  # upside down, left to right
  return draws


def fill(
  draws: dict[str, Any], height: int, width: int, holes: hole_shapes.Holes
) -> tf.Tensor:
  """Returns the masks of a batch of `draw_numbers`, `[B, H, W, 1] float32`.

  Args:
    draws: each with an axis for the batch in front.
    height: rows, in pixels.
    width: columns, in pixels.
    holes: what the holes are like.
  """
  parts, mirrored = [], draws["mirrored"]
  if "strokes" in draws:
    parts.append(
      strokes.fill(draws["strokes"], mirrored, height, width, holes.strokes)
    )
  if "box" in draws:
    parts.append(
      _fill_boxes(draws["box"], mirrored, height, width, holes.boxes)
    )
  if "picture" in draws:
    parts.append(_flip(draws["picture"], mirrored))
  mask = parts[0] if len(parts) == 1 else tf.maximum(*parts)
  return tf.ensure_shape(mask, [None, height, width])[..., None]


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


def _fill_boxes(uniform, mirrored, height, width, shape) -> tf.Tensor:
  """Returns `[B, height, width] float32` with a box each, anywhere inside."""
  box_height, box_width, shrink_y, shrink_x = shape.pixels(height, width)
  ranges = tf.constant(
    [*shape.last_corner(height, width), shrink_y, shrink_x], tf.float64
  )
  draws = tf.floor(tf.cast(uniform, tf.float64) * (ranges + 1))
  top, left, move_y, move_x = tf.split(tf.cast(draws, tf.int32), 4, axis=1)
  y, x = (
    tf.where(flipped, length - 1 - tf.range(length), tf.range(length))
    for flipped, length in (
      (mirrored[:, :1], height),
      (mirrored[:, 1:], width),
    )
  )
  rows = (y >= top + move_y) & (y < top + box_height - move_y)  # [B, H]
  columns = (x >= left + move_x) & (x < left + box_width - move_x)  # [B, W]
  return tf.cast(rows, tf.float32)[..., None] * tf.cast(
    columns[:, None], tf.float32
  )


def _pick_file(seed, height, width, holes) -> tf.Tensor:
  """Returns `[height, width] float32` from one of the mask pictures."""
  index = tf.random.stateless_uniform(
    [], seed, 0, len(holes.paths), tf.int64, alg="philox"
  )
  pixels = _decode(
    tf.gather([os.fsencode(path) for path in holes.paths], index)
  )
  pixels = tf.image.resize(pixels, [height, width], method="nearest")
  hole = pixels[..., 0] >= batch_lib.HOLE_LEVEL
  return tf.cast(~hole if holes.invert else hole, tf.float32)


def _decode(path) -> tf.Tensor:
  # Three channels, of which one is used: WebP cannot be decoded to grey.
  return tf.io.decode_image(
    tf.io.read_file(path), channels=3, expand_animations=False
  )


def _flip(masks, mirrored):
  """Mirrors each of `[B, H, W]` upside down and left to right where told to."""
  for axis in (1, 2):
    flipped = mirrored[:, axis - 1, None, None]
    masks = tf.where(flipped, tf.reverse(masks, [axis]), masks)
  return masks
