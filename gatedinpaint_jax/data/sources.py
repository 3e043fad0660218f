"""Photographs that are not decoded yet, by their number in the stream.

A source yields elements with the number of the `example` as int64, a `name` for
messages, and what `encoded` needs for the bytes of the photo and, if photos
have sketches, of its sketch.
"""

import os

import tensorflow as tf
from tensorflow.autograph.experimental import do_not_convert

from gatedinpaint_jax.data import listing, recipe


class FileSource:
  """Pictures that are one file each; any example is reached directly."""

  def __init__(self, files: listing.Files, *, seed: int, shuffle: bool):
    """Takes files, to be shuffled by (seed, epoch) or kept in their order."""
    # Of the photos, then of their sketches. File names need not be UTF-8.
    self._paths = [
      tf.constant([os.fsencode(path) for path in paths])
      for paths in (files.photos, files.sketches)
      if paths is not None
    ]
    self._size = len(files.photos)
    self._seed = seed
    self._shuffle = shuffle

  def __len__(self) -> int:
    return self._size

  @do_not_convert
  def stream(self, rows: recipe.Rows) -> tf.data.Dataset:
    """Returns this process's examples, endlessly."""
    positions = tf.data.Dataset.range(2**62)
    return positions.map(lambda i: self._element(rows.example(i)))

  @do_not_convert
  def listed(self) -> tf.data.Dataset:
    """Returns all examples once, in the order of the list."""
    return tf.data.Dataset.range(self._size).map(self._at)

  def encoded(self, element) -> list[tf.Tensor]:
    """Returns the bytes of an element's photo and of its sketch, if any."""
    return [tf.io.read_file(path) for path in element["paths"]]

  def _element(self, example):
    """Looks up the example of a stream in this epoch's order."""
    epoch, position = example // self._size, example % self._size
    if self._shuffle:
      # A permutation that is computed for one position at a time.
      position = tf.random.experimental.index_shuffle(
        position,
        tf.stack([tf.constant(self._seed, tf.int64), epoch]),
        tf.constant(self._size - 1, tf.int64),
      )
    return {**self._at(position), "example": example}

  def _at(self, position):
    paths = tuple(tf.gather(column, position) for column in self._paths)
    return {"example": position, "name": paths[0], "paths": paths}
