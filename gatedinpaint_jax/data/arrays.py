"""Pictures from an .npz file, as batches, without TensorFlow.

Follows the same recipe as `pipeline.py`, with random numbers of NumPy's Philox.
Pictures are cropped and flipped, never scaled.
"""

import functools
import itertools
import math
import zipfile
from collections.abc import Iterator, Sequence
from concurrent import futures
from typing import NamedTuple

import numpy as np
import psutil

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors, files
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import (
  npy_file,
  pillow_masks,
  recipe,
  remote,
  sketches,
)

# IDs of the random streams. Never renumber: all examples would change.
_ORDER, _CROP, _MASK, _SKETCH = range(4)


class Arrays(NamedTuple):
  """Decoded pictures and, for guided models, their sketches."""

  images: np.ndarray  # `[N, H, W, C]`, of one of `values.DTYPES`
  sketches: np.ndarray | None = None  # `[N, H, W] uint8`


def load(
  path: str,
  *,
  size: tuple[int, int],
  paired: bool = False,
  values: values_lib.Values = values_lib.PHOTOGRAPHS,
) -> Arrays:
  """Reads an .npz file with `images` and, where paired, `sketches`.

  The file is a path or a URL. Pictures have at least `size`, (height, width),
  and the channels of `values`; of one channel, they may be `[N, H, W]`.

  Raises:
    UserError: if the file is missing or not an .npz file, or if an array in it
      is missing, empty, too small, too large for the memory or has the wrong
      shape or type.
  """
  names = ("images", "sketches") if paired else ("images",)
  try:
    content = remote.read(path) if remote.is_url(path) else path
    if content is path:
      files.check_regular(path)
    with zipfile.ZipFile(content) as file:
      found = [name.removesuffix(".npy") for name in file.namelist()]
      if missing := set(names) - set(found):
        raise errors.UserError(
          f"{path} has no array {min(missing)!r}, only"
          f" {', '.join(sorted(found)[:8]) or 'nothing'}"
        )
      claims = {name: _read_claim(file, name) for name in names}
      if values.channels == 1 and len(claims["images"][0]) == 3:
        shape, dtype = claims["images"]
        claims["images"] = (*shape, 1), dtype
      _check_claims(claims, path, size, values)
      images, *others = (_read(file, name) for name in names)
      return Arrays(images.reshape(claims["images"][0]), *others)
  except errors.UserError:
    raise
  except FileNotFoundError:
    raise errors.UserError(
      f"no file at {path}; it should be an .npz file with images"
    ) from None
  # Damaged files reach four decompressors, which may raise anything.
  except Exception as error:
    raise errors.UserError(
      f"{path} is not an .npz file of plain arrays"
      f" ({errors.first_words(error)}); write it with"
      " numpy.savez(path, images=...)"
    ) from error


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
    # Photographs stay in uint8; other values are normalized, NaN where missing.
    levels = steps.values.are_levels and arrays.images.dtype == np.uint8
    self._normalize = (lambda x: x) if levels else steps.values.normalize
    self._to_batch = batch_lib.Batch if levels else values_lib.to_batch
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
    return _in_advance(self._batched(examples, rows.local_batch_size))

  def first(self, count: int, batch_size: int) -> Iterator[batch_lib.Batch]:
    """Yields the first pictures once, in batches; the last may be short.

    A picture's mask follows from its position.
    """
    places = range(min(count, len(self)))
    return self._batched((self._example(i, i) for i in places), batch_size)

  def _batched(self, examples, size) -> Iterator[batch_lib.Batch]:
    while part := list(itertools.islice(examples, size)):
      images, masks, sketches = zip(*part, strict=True)
      sketch = None if sketches[0] is None else np.stack(sketches)
      yield self._to_batch(np.stack(images), np.stack(masks), sketch)

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
    """Returns an example's image, mask and sketch or None."""
    steps = self._steps
    index = self._positions[place]
    photo = self._arrays.images[index]
    crop = _crop(self._draws(_CROP, number), photo, steps.framing)
    mask = pillow_masks.draw_mask(
      self._draws(_MASK, number), *steps.framing.size, steps.holes
    )
    image = self._normalize(crop(photo))
    if steps.sketching is None:
      return image, mask, None
    if steps.has_sketch_files:
      strength = self._arrays.sketches[index] / 255
    else:
      # Of the entire photo: a crop would have another strongest edge.
      whole = self._normalize(photo).astype(np.float32)
      strength = sketches.edges(whole, np)
    lines = steps.sketching.draw_lines(
      self._draws(_SKETCH, number), crop(strength)[..., None]
    )
    return image, mask, lines * mask


def _crop(draws, photo, framing):
  """Returns the function that crops and flips a photo or its sketch."""
  height, width = framing.size
  room = np.subtract(photo.shape[:2], framing.size)
  top, left = framing.draw_corner(draws, room)
  step = -1 if framing.draw_flip(draws) else 1
  return lambda x: x[top : top + height, left : left + width][:, ::step]


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


def _read(file, name) -> np.ndarray:
  with file.open(f"{name}.npy") as content:
    return np.lib.format.read_array(content)


def _read_claim(file, name) -> npy_file.Claim:
  with file.open(f"{name}.npy") as content:
    length = file.getinfo(f"{name}.npy").file_size
    return npy_file.read_claim(content, length)


def _check_claims(claims, path, size, values):
  """Raises UserError unless {name: (shape, type)} are pictures of some size."""
  images, dtype = claims["images"]
  shape = (None, None, values.channels)
  _check(claims, "images", shape, path, values_lib.DTYPES)
  if dtype != np.uint8 and not values.ranges:
    raise errors.UserError(
      f"'images' in {path}: values are {dtype}, whose range must be stated"
      " (config.data.value_range)"
    )
  if min(np.subtract(images[1:3], size)) < 0:
    height, width = images[1:3]
    raise errors.UserError(
      f"the pictures in {path} are {height} x {width}, smaller than"
      f" config.data.image_size={size}; arrays are cropped, never enlarged"
    )
  if "sketches" in claims:
    _check(claims, "sketches", images[1:3], path, (np.uint8,))
    sketches, _ = claims["sketches"]
    if sketches[0] != images[0]:
      raise errors.UserError(
        f"{path} has {images[0]} images and {sketches[0]} sketches; each image"
        " needs one"
      )
  needed = sum(math.prod(shape) * t.itemsize for shape, t in claims.values())
  free = psutil.virtual_memory().available
  if needed > free:
    raise errors.UserError(
      f"{path} takes {needed / 1e9:.1f} GB of memory, of which"
      f" {free / 1e9:.1f} GB are free; write fewer images or name a folder"
    )


def _check(claims, name, shape, path, dtypes):
  """Raises UserError unless an array has pictures of this shape and a type."""
  claimed, dtype = claims[name]
  fits = len(claimed) == len(shape) + 1 and all(
    want in {None, have} for have, want in zip(claimed[1:], shape, strict=True)
  )
  if dtype not in dtypes or not fits:
    names = ", ".join(np.dtype(dtype).name for dtype in dtypes)
    described = ", ".join(str(side or "HW"[i]) for i, side in enumerate(shape))
    advice = "" if name == "sketches" else " (config.model.channels)"
    raise errors.UserError(
      f"{name!r} in {path} is {dtype} {list(claimed)}; it must be {names}"
      f" [N, {described}]{advice}"
    )
  if claimed[0] < 1:
    raise errors.UserError(f"{name!r} in {path} is empty")
