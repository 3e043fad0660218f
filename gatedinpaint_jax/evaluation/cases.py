"""Pictures to score, with their holes and perhaps their completions.

Files pair up by their names, every one of them: what is left over on one side
is a mistake. Unlike in `inpaint`, so is a mask among the pictures.
"""

import fnmatch
import glob
import os
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from gatedinpaint_jax import errors
from gatedinpaint_jax.evaluation import frozen_masks
from gatedinpaint_jax.inference import hole_files, jobs, photo_files
from gatedinpaint_jax.metrics import image_quality

# Strips longer than so many times what is cut out of them lose their ends
# before they are scaled: 1 x 10000 pixels would take gigabytes to become
# 256 x 256.
_MOST_LENGTHS = 16
# Least length of what remains, in pixels: the filter that scales reaches three
# beyond what is cut out.
_LEAST_TRIMMED = 8
# How many files an error names.
_NAMED = 3


class Places(NamedTuple):
  """Where pictures are.

  Attributes:
    key: the flag or config key that named them, for errors.
    given: files, folders or patterns.
  """

  key: str
  given: Sequence[str]

  def __str__(self):
    return f"{self.key}={','.join(self.given)}"


class Case(NamedTuple):
  """One picture to score.

  Attributes:
    index: its position among all, in the order of their names.
    name: what it pairs by.
    image: the picture's file.
    mask: its mask's file, or None for a frozen mask.
    completed: its completion's file, or None.
  """

  index: int
  name: str
  image: pathlib.Path
  mask: pathlib.Path | None = None
  completed: pathlib.Path | None = None


class Loaded(NamedTuple):
  """A case in memory: `[H, W, 3] uint8` without a hole, and `[H, W] bool`."""

  case: Case
  image: np.ndarray
  hole: np.ndarray


class Loader(NamedTuple):
  """Reads cases, and draws their masks where these are frozen.

  Attributes:
    mask_set: where the masks come from, or None if they are files.
    size: (height, width) to which pictures are scaled and cropped, or None.
    least_side: in pixels, of what can be scored.
  """

  mask_set: frozen_masks.MaskSet | None
  size: tuple[int, int] | None = None
  least_side: int = image_quality.SSIM_WINDOW

  def shape(self, case: Case) -> tuple[int, int]:
    """Returns the (height, width) at which a case is scored.

    Raises:
      UserError: if the picture cannot be read or is too small.
    """
    own_shape = photo_files.read_size(case.image)
    shape = self.size or own_shape
    if min(shape) < self.least_side:
      raise errors.UserError(
        f"{case.image}: {hole_files.in_words(shape)}; {self.least_side} pixels "
        "on each side are the least that can be scored"
      )
    return shape

  def image(self, case: Case) -> np.ndarray:
    """Returns the picture, `[H, W, 3] uint8`."""
    image = photo_files.read(case.image).colours
    return image if self.size is None else _cover(image, self.size)

  def hole(self, case: Case, shape: tuple[int, int]) -> np.ndarray:
    """Returns the hole, `[H, W] bool`."""
    if self.mask_set is not None:
      return self.mask_set.mask(case.index, *shape)
    _check_size("mask", case.mask, photo_files.read_size(case.mask), shape)
    return hole_files.read_mask(case.mask, shape)

  def load(self, case: Case) -> Loaded:
    """Reads a case.

    Raises:
      UserError: naming the file and what is wrong with it.
    """
    image = self.image(case)
    return Loaded(case, image, self.hole(case, image.shape[:2]))


def find(images: Places, masks: Places | None = None) -> list[Case]:
  """Returns all cases, in the order of their names.

  Args:
    images: the pictures.
    masks: one for each picture or a single file for all; None for frozen masks.

  Raises:
    UserError: if there are no pictures or the names do not pair up.
  """
  image_files = jobs.by_name(images.key, images.given)
  names = sorted(image_files)
  mask_files = dict.fromkeys(names)
  if masks is not None:
    mask_files = _by_name_or_for_all(masks, names)
  return [
    Case(i, name, image_files[name], mask_files[name])
    for i, name in enumerate(names)
  ]


def with_completed(work: Sequence[Case], completed: Places) -> list[Case]:
  """Returns cases with their completions.

  Raises:
    UserError: if the names do not pair up.
  """
  files = _by_name(completed, [case.name for case in work])
  return [case._replace(completed=files[case.name]) for case in work]


def check_completed(case: Case, shape: tuple[int, int]) -> None:
  """Raises UserError if a completion's header says another size."""
  size = photo_files.read_size(case.completed)
  _check_size("completed picture", case.completed, size, shape)


def read_completed(loaded: Loaded) -> np.ndarray:
  """Returns the completion of a case, `[H, W, 3] uint8`.

  Raises:
    UserError: if it cannot be read or its size is not that of the picture.
  """
  path = loaded.case.completed
  image = photo_files.read(path).colours
  _check_size("completed picture", path, image.shape[:2], loaded.hole.shape)
  return image


def would_be_read(file: str | os.PathLike[str], place: str) -> bool:
  """Returns whether `inference.jobs` would find a file by a place.

  Args:
    file: need not exist. In a folder any file counts, for a pattern only
      pictures do.
    place: a file, a folder or a pattern.
  """
  path = pathlib.Path(os.path.realpath(os.path.expanduser(file)))
  given = os.path.expanduser(place)
  if os.path.isdir(given):
    return path.is_relative_to(os.path.realpath(given))
  if os.path.exists(given) or not glob.has_magic(given):
    return str(path) == os.path.realpath(given)
  folder, name = os.path.split(given)
  real = os.path.realpath(folder)
  # In the name of an existing folder, brackets are brackets.
  start = glob.escape(real) if os.path.isdir(real) else real
  is_picture = (
    path.suffix.lower() in photo_files.SUFFIXES
    and not path.name.startswith(".")
  )
  return is_picture and _fits(path.parts, (*pathlib.Path(start).parts, name))


def _fits(parts, patterns) -> bool:
  """Returns whether `glob` finds a path by a pattern, both split at slashes."""
  if not parts or not patterns:
    return not parts and not patterns
  if patterns[0] == "**":
    return any(_fits(parts[i:], patterns[1:]) for i in range(len(parts) + 1))
  return fnmatch.fnmatchcase(parts[0], patterns[0]) and _fits(
    parts[1:], patterns[1:]
  )


def _by_name_or_for_all(places, names) -> dict[str, pathlib.Path]:
  given = places.given
  if len(given) == 1 and os.path.isfile(os.path.expanduser(given[0])):
    (single,) = jobs.by_name(places.key, given).values()
    return dict.fromkeys(names, single)
  return _by_name(places, names)


def _by_name(places, names) -> dict[str, pathlib.Path]:
  """Returns one file for each name of a picture."""
  files = jobs.by_name(places.key, places.given)
  for what, missing in (
    ("file", {*names} - {*files}),
    ("picture", {*files} - {*names}),
  ):
    if missing:
      named = ", ".join(sorted(missing)[:_NAMED])
      more = len(missing) - _NAMED
      raise errors.UserError(
        f"{places}: no {what} for {named}{f' and {more} more' * (more > 0)}; "
        "files pair up by their names without suffix, every one of them"
      )
  return files


def _check_size(what, path, have, wanted):
  if have != wanted:
    raise errors.UserError(
      f"{path}: the {what} is {hole_files.in_words(have)}, its picture "
      f"{hole_files.in_words(wanted)}; make them equally large"
    )


def _cover(image, size) -> np.ndarray:
  """Scales a picture to cover a size and crops its middle."""
  image = _trim(image, size)
  height, width = image.shape[:2]
  # One side fits exactly, the other is cropped.
  if height * size[1] > width * size[0]:
    scaled = (max(-(-height * size[1] // width), size[0]), size[1])
  else:
    scaled = (size[0], max(-(-width * size[0] // height), size[1]))
  if scaled != (height, width):
    picture = Image.fromarray(np.ascontiguousarray(image))
    picture = picture.resize(scaled[::-1], Image.Resampling.LANCZOS)
    image = np.asarray(picture)
  top, left = (scaled[0] - size[0]) // 2, (scaled[1] - size[1]) // 2
  return image[top : top + size[0], left : left + size[1]]


def _trim(image, size) -> np.ndarray:
  """Cuts equal ends off a strip, far outside of what `_cover` keeps."""
  height, width = image.shape[:2]
  most_height, most_width = (
    max(-(-_MOST_LENGTHS * other * wanted // other_wanted), _LEAST_TRIMMED)
    for other, wanted, other_wanted in ((width, *size), (height, *size[::-1]))
  )
  top = max(height - most_height, 0) // 2
  left = max(width - most_width, 0) // 2
  return image[top : height - top, left : width - left]
