"""Photographs that are not decoded yet, by their number in the stream.

A source yields elements `{"example", "name", "photo", "sketch"}`: the number of
the example as int64, a name for messages, and strings from which `encoded`
makes the bytes of the files. `sketch` is empty where a photo has none.
"""

import os
from collections.abc import Sequence

import tensorflow as tf

from gatedinpaint_jax.data import listing, recipe


class FileSource:
  """Pictures that are one file each; any example is reached directly."""

  def __init__(self, files: listing.Files, *, seed: int, shuffle: bool):
    """Takes files, to be shuffled by (seed, epoch) or kept in their order."""
    self._photos = _as_bytes(files.photos)
    self._sketches = files.sketches and _as_bytes(files.sketches)
    self._size = len(files.photos)
    self._seed = seed
    self._shuffle = shuffle

  def __len__(self) -> int:
    return self._size

  def stream(self, rows: recipe.Rows) -> tf.data.Dataset:
    """Returns this process's examples, endlessly."""
    positions = tf.data.Dataset.range(2**62)
    return positions.map(lambda i: self._element(rows.example(i)))

  def listed(self, positions: Sequence[int] | None = None) -> tf.data.Dataset:
    """Returns the examples at these positions of the list; all by default."""
    if positions is None:
      return tf.data.Dataset.range(self._size).map(self._at)
    numbers = tf.constant(list(positions), tf.int64, shape=[len(positions)])
    return tf.data.Dataset.from_tensor_slices(numbers).map(self._at)

  def encoded(self, element) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the bytes of an element's photo and of its sketch or b""."""
    photo = tf.io.read_file(element["photo"])
    if self._sketches is None:
      return photo, tf.constant(b"")
    return photo, tf.io.read_file(element["sketch"])

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
    photo = tf.gather(self._photos, position)
    sketch = tf.constant("")
    if self._sketches is not None:
      sketch = tf.gather(self._sketches, position)
    return {
      "example": position,
      "name": photo,
      "photo": photo,
      "sketch": sketch,
    }


def _as_bytes(paths):
  """Encodes file names, which need not be UTF-8 as TensorFlow's strings."""
  return tf.constant([os.fsencode(path) for path in paths])
