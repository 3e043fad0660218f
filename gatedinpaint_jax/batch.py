"""A batch of pictures with holes, and its conventions for all modules.

pictures  `[B, H, W, C] float32 in [-1, 1]`, rows from the top; RGB
          unless `config.model.channels` is not 3
masks     `[B, H, W, 1] float32`, 1 = hole, 0 = known; one mask per picture
sketches  `[B, H, W, 1] float32`, 1 = line, 0 = none; 0 outside the hole
unknown   `[B, H, W, 1] float32`, 1 = not even the data has a value there
sizes     `(height, width)`, both multiples of 8

Training batches travel to the devices as uint8: see `to_float`.
"""

from typing import Any, NamedTuple

import numpy as np

# The generator halves its resolution twice and the attention once more.
SIZE_MULTIPLE = 8
# In uint8 pictures: a mask is hole from here on, a sketch is line above.
HOLE_LEVEL = 128
LINE_LEVEL = 153

# `jax.Array`, `numpy.ndarray` or `tf.Tensor`; the functions below take any.
Array = Any


class Batch(NamedTuple):
  """Complete pictures with masks and, for guided models, sketches.

  `image` shows what is in the hole. `sketch` is None for unguided models.
  `unknown` is None for data without missing values. The mask contains it, and
  there the image is 0: networks see a hole, and losses nothing.
  """

  image: Array
  mask: Array
  sketch: Array | None = None
  unknown: Array | None = None


def to_float(batch: Batch) -> Batch:
  """Returns a batch by the conventions above.

  The data pipeline yields uint8, levels of pixels and masks and sketches of 0
  and 1, so that a quarter of the bytes travels to the devices. Batches of
  floats are returned as they are.
  """
  if batch.image.dtype != np.uint8:
    return batch
  image, *rest = (None if x is None else x.astype(np.float32) for x in batch)
  return Batch(from_uint8(image), *rest)


def erase(image: Array, mask: Array) -> Array:
  """Returns the pictures with their holes set to 0, which is mid-grey."""
  return image * (1 - mask)


def composite(prediction: Array, image: Array, mask: Array) -> Array:
  """Returns `prediction` inside the holes and `image` everywhere else."""
  return prediction * mask + image * (1 - mask)


def complete(prediction: Array, batch: Batch) -> Array:
  """Returns the pictures with their holes filled, for losses and scores.

  They are 0, as `batch.image` is, where nobody knows what is right.
  """
  image = composite(prediction, batch.image, batch.mask)
  return image if batch.unknown is None else erase(image, batch.unknown)


def scored(batch: Batch) -> Array:
  """Returns where filled values can be compared with the truth, as a mask."""
  if batch.unknown is None:
    return batch.mask
  return batch.mask - batch.unknown


def from_uint8(pixels: Array) -> Array:
  """Maps pixel values in [0, 255], already float32, to [-1, 1]."""
  return pixels / 127.5 - 1


def to_uint8(image: Array) -> np.ndarray:
  """Maps pictures in [-1, 1] to pixel values, rounded and clipped."""
  levels = (np.asarray(image, np.float32) + 1) * 127.5
  return np.clip(np.round(levels), 0, 255).astype(np.uint8)
