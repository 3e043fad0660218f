"""Pictures to score, with their masks and optionally their completions.

Files pair up by name, and any file without a counterpart is an error. Unlike in
`inpaint`, so is a mask among the pictures.
"""

import fnmatch
import glob
import itertools
import os
import pathlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from gatedinpaint_jax import errors
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import hole_files, photo_files, picture_format
from gatedinpaint_jax.evaluation import frozen_masks, scaling
from gatedinpaint_jax.inference import jobs
from gatedinpaint_jax.metrics import image_quality

_NAMED = 3  # names in an error


class Place(NamedTuple):
  """Where pictures are."""

  key: str  # the flag or config key of `given`, for errors
  given: str  # a file, a folder or a pattern

  def __str__(self):
    return f"{self.key}={self.given}"


class Case(NamedTuple):
  """The files of a picture to score."""

  index: int  # position among all cases, sorted by name
  name: str  # by which files pair up
  image: pathlib.Path
  mask: pathlib.Path | None = None  # None for a frozen mask
  completed: pathlib.Path | None = None


class Loaded(NamedTuple):
  """A case in memory."""

  case: Case
  image: np.ndarray  # the original, `[H, W, C]` in the data's own type
  hole: np.ndarray  # `[H, W] bool`, without `missing`
  missing: np.ndarray  # `[H, W] bool`, where `image` has no data
  completed: np.ndarray | None = None  # like `image`, by a subject


class Loader(NamedTuple):
  """Reads cases, and draws frozen masks."""

  mask_set: frozen_masks.MaskSet | None  # None for mask files
  size: tuple[int, int] | None = None  # (height, width) to scale and crop to
  min_side: int = image_quality.SSIM_WINDOW  # that can be scored, in pixels
  values: values_lib.Values = values_lib.PHOTOGRAPHS  # of all pictures

  def shape(self, case: Case) -> tuple[int, int]:
    """Returns the (height, width) at which a case is scored."""
    shape = photo_files.read_size(case.image)
    if self.size is not None:
      shape = self.size
    if min(shape) < self.min_side:
      raise errors.UserError(
        f"{case.image}: {hole_files.describe_size(shape)}; both sides must be "
        f"at least {self.min_side} pixels to be scored"
      )
    return shape

  def check(self, path: pathlib.Path) -> None:
    """Raises UserError if a file is of other channels or of another type.

    Reads its header alone.
    """
    outline = photo_files.read_outline(path)
    with errors.prefixed(f"{path}: "):
      self._select(photo_files.without_pixels(outline))

  def read(self, path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns a picture `[H, W, C]` and where it has no data, `[H, W] bool`.

    Photographs are uint8, other data is of its own type.
    """
    photo = photo_files.read(path)
    with errors.prefixed(f"{path}: "):
      missing = photo.values(self.values).is_missing(
        photo.select(self.values.channels)
      )
      return self._select(photo), missing

  def _select(self, photo) -> np.ndarray:
    if self.values == values_lib.PHOTOGRAPHS:
      return photo.colours
    pixels = photo.select(self.values.channels)
    self.values.bounds(pixels.dtype)  # raises UserError for a false type
    return pixels

  def hole(self, case: Case, shape: tuple[int, int]) -> np.ndarray:
    """Returns the hole, `[H, W] bool`."""
    if self.mask_set is not None:
      return self.mask_set.mask(case.index, *shape)
    _check_same_size("mask", case.mask, photo_files.read_size(case.mask), shape)
    return hole_files.read_mask(case.mask, shape)

  def load(self, case: Case) -> Loaded:
    """Reads a case; raises UserError if a file is invalid."""
    image, missing = self.read(case.image)
    if self.size is not None:
      image, missing = scaling.cover(image, missing, self.size, self.values)
    hole = self.hole(case, image.shape[:2])
    return Loaded(case, image, hole & ~missing, missing)

  def completed(self, entry: Loaded) -> np.ndarray:
    """Returns a completion in a file; raises UserError unless it fits."""
    path = entry.case.completed
    image, _ = self.read(path)
    # The file may have been replaced since the check.
    _check_same_size(
      "completed picture", path, image.shape[:2], entry.hole.shape
    )
    if image.dtype != entry.image.dtype and not self.values.ranges:
      raise errors.UserError(
        f"{path}: has {image.dtype} values, and {entry.case.image}"
        f" {entry.image.dtype}; make them equal"
      )
    return image


def check_size(key: str, size: tuple[int, int], min_side: int) -> None:
  """Raises UserError if pictures cannot be scored at a size."""
  if min(size) < min_side or size[0] * size[1] > picture_format.MAX_PIXELS:
    raise errors.UserError(
      f"{key}: both sides must be at least {min_side}, with at most "
      f"{picture_format.MAX_PIXELS} pixels in total"
    )


def find(images: Place, masks: Place | None = None) -> list[Case]:
  """Returns all cases, sorted by name.

  `masks` has one file per picture or a single file for all; None for frozen
  masks.
  """
  image_files = jobs.list_by_name(images.key, [images.given])
  names = sorted(image_files)
  if masks is None:
    mask_files = dict.fromkeys(names)
  elif os.path.isfile(single := os.path.expanduser(masks.given)):
    mask_files = dict.fromkeys(names, pathlib.Path(single))
  else:
    mask_files = _pair(masks, names)
  return [
    Case(i, name, image_files[name], mask_files[name])
    for i, name in enumerate(names)
  ]


def with_completed(work: Sequence[Case], completed: Place) -> list[Case]:
  """Returns cases with their completions."""
  files = _pair(completed, [case.name for case in work])
  return [case._replace(completed=files[case.name]) for case in work]


def check_completed(case: Case, shape: tuple[int, int]) -> None:
  """Raises UserError if a completion does not have this size."""
  found = photo_files.read_size(case.completed)
  _check_same_size("completed picture", case.completed, found, shape)


def would_be_read(file: str | os.PathLike[str], place: str) -> bool:
  """Returns whether `inference.jobs` would read a future file in a place.

  Any file counts in a folder, only pictures do for a pattern.
  """
  path = pathlib.Path(os.path.realpath(os.path.expanduser(file)))
  given = os.path.expanduser(place)
  if os.path.isdir(given):
    return path.is_relative_to(os.path.realpath(given))
  if os.path.exists(given) or not glob.has_magic(given):
    return str(path) == os.path.realpath(given)
  folder, name = os.path.split(given)
  real = os.path.realpath(folder)
  # If the folder exists, brackets in its name are literal.
  start = glob.escape(real) if os.path.isdir(real) else real
  is_picture = (
    path.suffix.lower() in picture_format.SUFFIXES
    and not path.name.startswith(".")
  )
  return is_picture and _matches(path.parts, (*pathlib.Path(start).parts, name))


def check_not_read(
  written_by: str,
  files: Iterable[str | os.PathLike[str]],
  places: Iterable[Place],
) -> None:
  """Raises UserError if the next run would read output files as pictures."""
  for file, place in itertools.product(files, places):
    if would_be_read(file, place.given):
      raise errors.UserError(
        f"{written_by}: {file} would be a picture of {place} for the next run; "
        "name another place"
      )


def _matches(parts, patterns) -> bool:
  """Returns whether `glob` would match a path, both split at slashes."""
  if not parts or not patterns:
    return not parts and not patterns
  if patterns[0] == "**":
    return any(_matches(parts[i:], patterns[1:]) for i in range(len(parts) + 1))
  return fnmatch.fnmatchcase(parts[0], patterns[0]) and _matches(
    parts[1:], patterns[1:]
  )


def _pair(place, names) -> dict[str, pathlib.Path]:
  files = jobs.list_by_name(place.key, [place.given])
  for what, missing in (
    ("file", {*names} - {*files}),
    ("picture", {*files} - {*names}),
  ):
    if missing:
      named = ", ".join(sorted(missing)[:_NAMED])
      more = len(missing) - _NAMED
      raise errors.UserError(
        f"{place}: no {what} for {named}{f' and {more} more' * (more > 0)}; "
        "all files must pair up by their names without suffix"
      )
  return files


def _check_same_size(what, path, found, wanted):
  if found != wanted:
    message = hole_files.explain_size(what, found, wanted, "make them equal")
    raise errors.UserError(f"{path}: {message}")
