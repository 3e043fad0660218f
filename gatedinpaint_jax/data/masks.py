"""Training holes inside the tf.data graph: strokes, boxes, files.

Random numbers are drawn per mask, but the masks of a batch are filled together:
most of the time is the overhead of starting operations, and one by one, masks
take almost twice as long.
"""

import io
import os
from typing import Any

import numpy as np
import tensorflow as tf

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import (
  hole_files,
  hole_shapes,
  photos,
  strokes,
  tensorflow_draws,
)

# IDs of the random streams. Never renumber: all masks would change.
_STROKES, _BOX, _FILE, _FLIP = range(4)


def draw_numbers(
  seed: tf.Tensor, height: int, width: int, holes: hole_shapes.Holes
) -> dict[str, Any]:
  """Returns all that is random about one mask, for `fill` to take in batches.

  Raises:
    tf.errors.OpError: when run, if a mask picture cannot be read.
  """
  numbers = {}
  if "strokes" in holes.kind:
    numbers["strokes"] = strokes.draw_numbers(
      tensorflow_draws.fold_in(seed, _STROKES), holes.strokes
    )
  if "boxes" in holes.kind:
    numbers["box"] = _uniform(4, seed, _BOX)
  if holes.kind == "files":
    file_seed = tensorflow_draws.fold_in(seed, _FILE)
    index = tensorflow_draws.uniform(
      [], file_seed, 0, len(holes.paths), tf.int64
    )
    path = tf.gather([os.fsencode(path) for path in holes.paths], index)
    numbers["picture"] = _decode(path, height, width, holes)
  numbers["flips"] = holes.draw_flips(
    tensorflow_draws.Draws(_uniform(2, seed, _FLIP))
  )
  return numbers


def fill(
  numbers: dict[str, Any], height: int, width: int, holes: hole_shapes.Holes
) -> tf.Tensor:
  """Returns the masks of a batch of `draw_numbers`, `[B, H, W, 1] uint8`."""
  parts, flips = [], numbers["flips"]
  if "strokes" in holes.kind:
    parts.append(
      strokes.fill(numbers["strokes"], flips, height, width, holes.strokes)
    )
  if "boxes" in holes.kind:
    parts.append(_fill_boxes(numbers["box"], flips, height, width, holes.boxes))
  if holes.kind == "files":
    parts.append(_flip(numbers["picture"], flips))
  mask = parts[0] if len(parts) == 1 else tf.logical_or(*parts)
  mask = tf.ensure_shape(mask, [None, height, width])
  return tf.cast(mask, tf.uint8)[..., None]


def find_problems(holes: hole_shapes.Holes) -> list[str]:
  """Returns what is wrong with each mask picture that cannot be used."""
  problems = []
  for path in holes.paths:
    try:
      with errors.prefixed(f"{path}: "):
        file = io.BytesIO(tf.io.gfile.GFile(path, "rb").read())
        hole_files.decode_mask(file, (1, 1), invert=holes.invert)
    except errors.UserError as error:
      problems.append(str(error))
    except tf.errors.OpError as error:
      problems.append(f"{path}: {errors.first_words(error)}")
  return problems


def _uniform(count, seed, purpose):
  return tensorflow_draws.uniform(
    [count], tensorflow_draws.fold_in(seed, purpose)
  )


def _fill_boxes(uniform, flips, height, width, shape) -> tf.Tensor:
  """Returns `[B, height, width] bool` with a box each."""
  first, end = shape.draw(tensorflow_draws.Draws(uniform), height, width)
  rows, columns = (
    (pixels >= first[:, i : i + 1]) & (pixels < end[:, i : i + 1])
    for i, pixels in enumerate(
      [_coordinates(height, flips[:, 1:]), _coordinates(width, flips[:, :1])]
    )
  )  # [B, H] and [B, W]
  return rows[..., None] & columns[:, None]


def _coordinates(length, flipped):
  """Returns rows or columns in rising or, where flipped, falling order."""
  rising = np.arange(length, dtype=np.float64)
  return tf.where(flipped, rising[::-1], rising)


def _decode(path, height, width, holes) -> tf.Tensor:
  return photos.decode_mask(
    tf.io.read_file(path), height, width, invert=holes.invert
  )


def _flip(masks, flips):
  """Mirrors masks `[B, H, W]` left to right and upside down by `flips`."""
  for i, axis in enumerate((2, 1)):
    masks = tf.where(flips[:, i, None, None], tf.reverse(masks, [axis]), masks)
  return masks
