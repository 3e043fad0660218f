"""From a source of encoded photographs to batches, with tf.data.

Everything random about a picture follows from the seed and the number of its
example by stateless operations, so a resumed stream equals one never stopped.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors
from gatedinpaint_jax.data import masks, photos, recipe, sketches, unreadable

# What each draw of an example is for; a number once given keeps its meaning.
_FRAME, _MASK, _SKETCH, _RESERVE = range(4)
# Readable pictures kept in memory to stand in for unreadable ones.
_RESERVE_SIZE = 16


class Pipeline:
  """Batches of one source under one recipe, counting what cannot be read."""

  def __init__(
    self, source: Any, steps: recipe.Recipe, *, tally: unreadable.Tally
  ):
    """Reads up to 16 pictures, to stand in for unreadable ones later.

    Args:
      source: a source as described in `sources.py`.
      steps: what happens to each picture.
      tally: counts the unreadable pictures.

    Raises:
      UserError: if none of the pictures can be read, or too few.
    """
    self._source = source
    self._steps = steps
    self._tally = tally
    self._reserve = self._find_reserve()

  def stream(self, rows: recipe.Rows) -> Iterator[batch_lib.Batch]:
    """Yields this process's rows of one batch after the other, without end."""
    examples = self._source.stream(rows)
    return self._batches(self._dataset(examples, rows.local_batch_size))

  def listed(
    self, positions: Sequence[int], batch_size: int
  ) -> Iterator[batch_lib.Batch]:
    """Yields some of the pictures once, in batches; the last may be short.

    A picture's mask follows from its position.

    Args:
      positions: rising positions in the source's list.
      batch_size: pictures per batch.
    """
    examples = self._source.listed(positions)
    return self._batches(self._dataset(examples, batch_size))

  def _dataset(self, examples, batch_size):
    """Returns the dataset of batches of a source's elements."""
    pictures = examples.map(
      # There is no Python control flow to convert, and looking for it is slow.
      tf.autograph.experimental.do_not_convert(self._example),
      num_parallel_calls=tf.data.AUTOTUNE,
      deterministic=True,
    )
    # One batch is ready while the step before it runs.
    return pictures.batch(batch_size).map(_with_float_image).prefetch(1)

  def _batches(self, dataset):
    """Makes NumPy batches of a dataset and counts what was unreadable."""
    for element in self._elements(dataset):
      for i in (~element["readable"]).nonzero()[0]:
        self._tally.add(element["name"][i].decode(errors="replace"))
      yield batch_lib.Batch(
        element["image"], element["mask"], element.get("sketch")
      )

  def _elements(self, dataset):
    """Yields a dataset's elements and explains its errors."""
    elements = dataset.as_numpy_iterator()
    while True:
      try:
        element = next(elements)
      except StopIteration:
        return
      except tf.errors.OpError as error:
        # Unreadable photos never come here; masks have no substitutes.
        bad = masks.unreadable_files(self._steps.holes.paths)
        if not bad:
          raise
        raise errors.UserError(
          f"config.mask.path: cannot read {bad[0]} as a picture ({len(bad)}"
          " such in all); replace or remove it"
        ) from error
      yield element

  def _example(self, element):
    """Makes one example: pixels, mask, sketch and whether it was readable."""
    steps = self._steps
    seed = fold_in([steps.seed, 0], element["example"])
    pixels, readable = self._guarded_pixels(element, seed)
    image = pixels[..., :3]
    mask = masks.make_mask(
      fold_in(seed, _MASK), *steps.framing.size, holes=steps.holes
    )
    example = {
      "image": image,
      "mask": mask,
      "name": element["name"],
      "readable": readable,
    }
    if steps.sketching is not None:
      strength = tf.cast(pixels[..., 3:], tf.float32) / 255
      example["sketch"] = sketches.sketch(
        strength, mask, fold_in(seed, _SKETCH), steps.sketching
      )
    return example

  def _guarded_pixels(self, element, seed):
    """Returns an element's pixels or, if unreadable, those of another picture.

    An error cannot be caught inside a TensorFlow graph, but a dataset can leave
    out its elements with errors: this one has the picture, then a substitute,
    and the first that survives is taken. The substitute is made only if needed.
    """
    dataset = tf.data.Dataset.from_tensors(element)
    picture = dataset.map(
      lambda e: (self._pixels(*self._source.encoded(e), seed), True)
    )
    substitute = dataset.map(lambda _: (self._substitute(seed), False))
    return (
      picture.ignore_errors(log_warning=False)
      .concatenate(substitute)
      .take(1)
      .get_single_element()
    )

  def _pixels(self, photo, sketch, seed):
    """Decodes, scales and crops a photo, its sketch as a fourth channel."""
    pixels = photos.decode(photo)
    framing, sketching = self._steps.framing, self._steps.sketching
    if self._steps.has_sketch_files:
      pixels = tf.concat([pixels, photos.decode(sketch)[..., :1]], axis=-1)
    pixels = photos.scale(pixels, framing)
    if sketching is not None and not self._steps.has_sketch_files:
      # Of the whole photo: a crop would have another strongest edge.
      lines = tf.cast(tf.round(255 * sketches.edges(pixels)), tf.uint8)
      pixels = tf.concat([pixels, lines], axis=-1)
    return photos.crop(pixels, fold_in(seed, _FRAME), framing)

  def _substitute(self, seed):
    """Frames a readable picture that follows from the seed alone."""
    photo, sketch = self._reserve
    index = tf.random.stateless_uniform(
      [], fold_in(seed, _RESERVE), 0, len(photo), tf.int64, alg="philox"
    )
    return self._pixels(tf.gather(photo, index), tf.gather(sketch, index), seed)

  def _find_reserve(self):
    """Returns the bytes of the first readable photos and of their sketches."""
    found = []
    for element in self._source.listed():
      encoded = self._readable(element)
      if encoded is None:
        self._tally.add(element["name"].numpy().decode(errors="replace"))
        continue
      found.append(encoded)
      if len(found) == _RESERVE_SIZE:
        break
    if not found:
      raise self._tally.error("not one is readable")
    return [tf.stack(parts) for parts in zip(*found, strict=True)]

  def _readable(self, element):
    """Returns the bytes of an element's files, or None if one is no picture."""
    try:
      encoded = self._source.encoded(element)
      self._pixels(*encoded, fold_in([0, 0], 0))
    except tf.errors.OpError:
      return None
    return encoded


def keep_off_accelerators() -> None:
  """Leaves all accelerators' memory to JAX, unless TensorFlow runs already.

  Call it before TensorFlow's first operation.
  """
  with contextlib.suppress(RuntimeError):
    tf.config.set_visible_devices([], "GPU")


def fold_in(seed, data):
  """Returns a `[2]` int64 seed that follows from a seed and a number."""
  return tf.random.experimental.stateless_fold_in(
    tf.cast(seed, tf.int64), tf.cast(data, tf.int64), alg="philox"
  )


def _with_float_image(batch):
  image = batch_lib.from_uint8(tf.cast(batch["image"], tf.float32))
  return {**batch, "image": image}
