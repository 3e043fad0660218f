"""From a source of encoded photographs to batches, with tf.data.

Everything random follows from the seed and the number of the example by
stateless operations, so a resumed stream equals one never stopped.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from tensorflow.autograph.experimental import do_not_convert

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import (
  masks,
  photos,
  recipe,
  sketches,
  tensorflow_draws,
  unreadable,
)

# IDs of an example's random streams. Never renumber: examples would change.
_FRAME, _MASK, _SKETCH, _RESERVE = range(4)
# Readable pictures kept in memory to stand in for unreadable ones.
_RESERVE_SIZE = 16


class Pipeline:
  """Batches of one source under one recipe, counting what cannot be read."""

  def __init__(self, source: Any, steps: recipe.Recipe, *, key: str):
    """Reads up to 16 pictures, to stand in for unreadable ones later.

    The source is one of `sources.py`, which the config key `key` names.

    Raises:
      UserError: if none of the pictures can be read, or too few.
    """
    self._source = source
    self._steps = steps
    # Photographs stay in uint8; other values are normalized, NaN where missing.
    self._dtype = tf.uint8 if steps.values.are_levels else tf.float32
    self._tally = unreadable.Tally(
      key, len(source), paired=steps.has_sketch_files
    )
    self._reserve = self._find_reserve()

  def __len__(self) -> int:
    return len(self._source)

  def stream(self, rows: recipe.Rows) -> Iterator[batch_lib.Batch]:
    """Yields this process's rows of each batch, endlessly."""
    examples = self._source.stream(rows)
    return self._batches(self._dataset(examples, rows.local_batch_size))

  def first(self, count: int, batch_size: int) -> Iterator[batch_lib.Batch]:
    """Yields the first pictures once, in batches; the last may be short.

    A picture's mask follows from its position.
    """
    examples = self._source.listed().take(count)
    return self._batches(self._dataset(examples, batch_size))

  # No Python control flow needs converting. Searching for it takes time, and
  # warns on Python 3.13.
  @do_not_convert
  def _dataset(self, examples, batch_size):
    """Returns the dataset of batches of a source's elements."""
    pictures = examples.map(
      self._example,
      num_parallel_calls=tf.data.AUTOTUNE,
      deterministic=True,
    )
    batches = pictures.batch(batch_size).map(
      self._with_masks,
      num_parallel_calls=tf.data.AUTOTUNE,
      deterministic=True,
    )
    # One batch is ready while the step before it runs.
    return batches.prefetch(1)

  def _batches(self, dataset):
    """Makes NumPy batches, counts unreadable photos, names unreadable masks."""
    try:
      for element in dataset.as_numpy_iterator():
        for i in (~element["readable"]).nonzero()[0]:
          self._tally.add(element["name"][i].decode(errors="replace"))
        make = batch_lib.Batch
        if not self._steps.values.are_levels:
          make = values_lib.to_batch
        yield make(element["image"], element["mask"], element.get("sketch"))
    except tf.errors.OpError as error:
      # Unreadable photos have been replaced; masks have no substitutes.
      problems = masks.find_problems(self._steps.holes)
      if not problems:
        raise
      more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
      raise errors.UserError(
        f"config.mask.path: {problems[0]}{more}"
      ) from error

  def _example(self, element):
    """Makes one example; its mask is still numbers, its sketch not yet cut."""
    steps = self._steps
    seed = fold_in([steps.seed, 0], element["example"])
    decoded, readable = self._guarded(element, seed)
    pixels = self._frame(decoded, seed)
    channels = steps.values.channels
    example = {
      "image": pixels[..., :channels],
      "mask": masks.draw_numbers(
        fold_in(seed, _MASK), *steps.framing.size, steps.holes
      ),
      "name": element["name"],
      "readable": readable,
    }
    if steps.sketching is not None:
      uniform = tensorflow_draws.uniform([], fold_in(seed, _SKETCH))
      example["sketch"] = steps.sketching.draw_lines(
        tensorflow_draws.Draws(uniform),
        tf.cast(pixels[..., channels:], tf.float32) / 255,
      )
    return example

  def _with_masks(self, batch):
    """Fills a batch's masks and cuts sketches to them."""
    steps = self._steps
    mask = masks.fill(batch["mask"], *steps.framing.size, steps.holes)
    batch = {**batch, "mask": mask}
    if steps.sketching is not None:
      batch["sketch"] = tf.cast(batch["sketch"], tf.uint8) * mask
    return batch

  def _guarded(self, element, seed):
    """Returns a decoded picture or another one, and whether it was readable.

    A TensorFlow graph cannot catch an error, but a dataset can skip elements
    that fail: this one holds the picture, then an empty one, and the first that
    survives is taken. It is slower, so it holds nothing that cannot fail.
    """
    photo = tf.data.Dataset.from_tensors(element).map(
      lambda e: self._decode(*self._source.encoded(e))
    )
    channels = self._steps.values.channels + self._steps.has_sketch_files
    empty = tf.zeros([0, 0, channels], self._dtype)
    decoded = (
      photo.ignore_errors(log_warning=False)
      .concatenate(tf.data.Dataset.from_tensors(empty))
      .take(1)
      .get_single_element()
    )
    readable = tf.size(decoded) > 0
    decoded = tf.cond(readable, lambda: decoded, lambda: self._substitute(seed))
    return tf.ensure_shape(decoded, [None, None, channels]), readable

  def _decode(self, photo, sketch=None):
    """Decodes a photo, and its sketch file, if any, as a last channel."""
    pixels = photos.decode(photo, self._steps.values)
    if sketch is not None:
      lines = tf.cast(photos.decode_sketch(sketch), self._dtype)
      pixels = tf.concat([pixels, lines], axis=-1)
    with tf.control_dependencies(
      [photos.check_scales(pixels, self._steps.framing)]
    ):
      return tf.identity(pixels)

  def _frame(self, pixels, seed):
    """Scales and crops a decoded picture, its sketch as a last channel."""
    framing, sketching = self._steps.framing, self._steps.sketching
    pixels = photos.scale(pixels, framing)
    if sketching is not None and not self._steps.has_sketch_files:
      # Of the entire photo: a crop would have another strongest edge.
      strength = sketches.edges(tf.cast(pixels, tf.float32), tf)[..., None]
      strength = tf.cast(tf.round(255 * strength), self._dtype)
      pixels = tf.concat([pixels, strength], axis=-1)
    return photos.crop(pixels, fold_in(seed, _FRAME), framing)

  def _substitute(self, seed):
    """Decodes a readable picture that follows from the seed alone."""
    index = tensorflow_draws.uniform(
      [], fold_in(seed, _RESERVE), 0, len(self._reserve[0]), tf.int64
    )
    return self._decode(*(tf.gather(part, index) for part in self._reserve))

  def _find_reserve(self):
    """Returns the bytes of the first readable photos and of their sketches."""
    found, reasons = [], []
    for element in self._source.listed():
      try:
        encoded = self._source.encoded(element)
        self._frame(self._decode(*encoded), fold_in([0, 0], 0))
      except (tf.errors.OpError, errors.UserError) as error:
        reasons.append(errors.first_words(error))
        self._tally.add(element["name"].numpy().decode(errors="replace"))
        continue
      found.append(encoded)
      if len(found) == _RESERVE_SIZE:
        break
    if not found:
      raise self._tally.error("not one is readable", reasons[0])
    return [tf.stack(parts) for parts in zip(*found, strict=True)]


def keep_off_accelerators() -> None:
  """Leaves all accelerators' memory to JAX.

  Call it before TensorFlow's first operation; later it has no effect.
  """
  with contextlib.suppress(RuntimeError):
    tf.config.set_visible_devices([], "GPU")


def fold_in(seed, data):
  """Derives a `[2]` int64 seed from a seed and a number."""
  return tensorflow_draws.fold_in(
    tf.cast(seed, tf.int64), tf.cast(data, tf.int64)
  )
