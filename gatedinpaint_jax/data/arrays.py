"""Pictures from an .npz file, as batches, without TensorFlow.

Follows the same recipe as `pipeline.py`, with random numbers of NumPy's Philox.
Pictures are cropped and flipped, never scaled.
"""

import functools
import itertools
import zipfile
from collections.abc import Iterator, Sequence
from concurrent import futures
from typing import NamedTuple

import numpy as np

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors
from gatedinpaint_jax.data import pillow_masks, recipe, remote, sketches

# IDs of the random streams. Never renumber: all examples would change.
_ORDER, _CROP, _MASK, _SKETCH = range(4)


class Arrays(NamedTuple):
  """Decoded pictures `[N, H, W, 3]` and sketches `[N, H, W]` or None, uint8."""

  images: np.ndarray
  sketches: np.ndarray | None = None


def load(path: str, *, size: tuple[int, int], paired: bool = False) -> Arrays:
  """Reads an .npz file with `images` and, where paired, `sketches`.

  The file is a path or a URL. Pictures have at least `size`, (height, width).

  Raises:
    UserError: if the file is missing or not an .npz file, or if an array in it
      is missing, empty, too small or has the wrong shape or type.
  """
  try:
    content = remote.read(path) if remote.is_url(path) else path
    with np.load(content) as file:
      missing = {"images", *(["sketches"] if paired else [])} - set(file.files)
      if missing:
        raise errors.UserError(
          f"{path} has no array {min(missing)!r}, only"
          f" {', '.join(sorted(file.files)) or 'nothing'}"
        )
      images = file["images"]
      sketches = file["sketches"] if paired else None
  except FileNotFoundError:
    raise errors.UserError(
      f"no file at {path}; it should be an .npz file with uint8 images"
    ) from None
  except (AttributeError, TypeError, OSError, ValueError, zipfile.BadZipFile):
    raise errors.UserError(
      f"{path} is not an .npz file of plain arrays; write it with"
      " numpy.savez(path, images=...)"
    ) from None
  is_rgb = images.ndim == 4 and images.shape[3] == 3
  _check(images, "images", path, is_rgb, "[N, H, W, 3]")
  if not len(images):
    raise errors.UserError(f"'images' in {path} is empty")
  if min(np.subtract(images.shape[1:3], size)) < 0:
    height, width = images.shape[1:3]
    raise errors.UserError(
      f"the pictures in {path} are {height} x {width}, smaller than"
      f" config.data.image_size={size}; arrays are cropped, never enlarged"
    )
  if sketches is not None:
    shape = images.shape[:3]
    fits = sketches.shape == shape
    _check(sketches, "sketches", path, fits, f"{[*shape]}, one for each image")
  return Arrays(images, sketches)


class ArrayPictures:
  """Batches of decoded pictures by one recipe."""

  def __init__(
    self,
    arrays: Arrays,
    positions: Sequence[int],
    steps: recipe.Recipe,
    *,
    shuffle: bool,
  ):
    """Takes the pictures at some positions, without a copy.

    With `shuffle`, each epoch has another order, otherwise that of `positions`.
    """
    self._arrays = arrays
    self._positions = np.asarray(positions)
    self._steps = steps
    self._shuffle = shuffle
    # The order of an epoch is kept until the next.
    self._order = functools.lru_cache(maxsize=1)(
      lambda epoch: self._draws(_ORDER, epoch).permutation(len(self))
    )

  def __len__(self) -> int:
    return len(self._positions)

  def stream(self, rows: recipe.Rows) -> Iterator[batch_lib.Batch]:
    """Yields this process's rows of each batch, endlessly."""
    numbers = map(rows.example, itertools.count())
    examples = (self._example(i, self._choose(i)) for i in numbers)
    return _in_advance(_batched(examples, rows.local_batch_size))

  def first(self, count: int, batch_size: int) -> Iterator[batch_lib.Batch]:
    """Yields the first pictures once, in batches; the last may be short.

    A picture's mask follows from its position.
    """
    places = range(min(count, len(self)))
    return _batched((self._example(i, i) for i in places), batch_size)

  def _choose(self, number):
    """Returns which of the pictures an example of the stream shows."""
    epoch, place = divmod(number, len(self))
    return self._order(epoch)[place] if self._shuffle else place

  def _draws(self, purpose, number):
    # Each number has its own last word of the counter, so streams never meet.
    return np.random.Generator(
      np.random.Philox(
        key=[self._steps.seed, purpose], counter=[0, 0, 0, number]
      )
    )

  def _example(self, number, place):
    """Returns an example's image, mask and sketch or None, in uint8."""
    steps = self._steps
    index = self._positions[place]
    photo = self._arrays.images[index]
    crop = _crop(self._draws(_CROP, number), photo, steps.framing)
    mask = pillow_masks.draw_mask(
      self._draws(_MASK, number), *steps.framing.size, steps.holes
    )
    if steps.sketching is None:
      return crop(photo), mask, None
    if steps.has_sketch_files:
      strength = self._arrays.sketches[index] / 255
    else:
      # Of the entire photo: a crop would have another strongest edge.
      strength = sketches.edges(photo.astype(np.float32), np)
    lines = steps.sketching.draw_lines(
      self._draws(_SKETCH, number), crop(strength)[..., None]
    )
    return crop(photo), mask, lines * mask


def _crop(draws, photo, framing):
  """Returns the function that crops and flips a photo or its sketch."""
  height, width = framing.size
  room = np.subtract(photo.shape[:2], framing.size)
  top, left = framing.draw_corner(draws, room)
  step = -1 if framing.draw_flip(draws) else 1
  return lambda x: x[top : top + height, left : left + width][:, ::step]


def _batched(examples, size) -> Iterator[batch_lib.Batch]:
  while part := list(itertools.islice(examples, size)):
    images, masks, sketches = zip(*part, strict=True)
    sketch = None if sketches[0] is None else np.stack(sketches)
    yield batch_lib.Batch(np.stack(images), np.stack(masks), sketch)


def _in_advance(batches):
  """Yields what an iterator does; a thread makes the next item meanwhile.

  An error in the thread is raised here. The thread ends with this generator.
  """
  with futures.ThreadPoolExecutor(1, thread_name_prefix="batches") as thread:
    following = thread.submit(next, batches)
    while True:
      batch = following.result()
      following = thread.submit(next, batches)
      yield batch


def _check(array, name, path, fits, shape):
  """Raises UserError unless an array fits a shape and is uint8."""
  if array.dtype != np.uint8 or not fits:
    raise errors.UserError(
      f"{name!r} in {path} is {array.dtype} {list(array.shape)}; it must"
      f" be uint8 {shape}"
    )
