"""Finds picture files: in a folder, in a list, and the sketches beside them.

Names are only listed here; nothing is decoded and TensorFlow is not needed.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

from gatedinpaint_jax import errors

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
# X.jpg has its sketch in X_edge.jpg or X_edge.png.
SKETCH_MARK = "_edge"
_SKETCH_SUFFIXES = (".jpg", ".png")
# A list with more lines than this is checked by samples: a million look-ups on
# a network drive take an hour.
_CHECKED = 100_000


class Files(NamedTuple):
  """Paths of photos and, for guided models, of their sketches (or None)."""

  photos: tuple[str, ...]
  sketches: tuple[str, ...] | None = None

  def select(self, positions: Sequence[int]) -> "Files":
    """Returns the files at these positions."""
    photos = tuple(self.photos[i] for i in positions)
    if self.sketches is None:
      return Files(photos)
    return Files(photos, tuple(self.sketches[i] for i in positions))


def find_in_folder(folder: str, *, key: str, paired: bool = False) -> Files:
  """Lists all pictures below a folder, sorted by path.

  Args:
    folder: where to look, at any depth.
    key: the config key that names the folder, for the messages.
    paired: each photo has a sketch beside it, which is not a photo itself.

  Raises:
    UserError: if there is no such folder, no picture in it, or no sketch to
      one of the photos.
  """
  if not os.path.isdir(folder):
    raise errors.UserError(
      f"{key}: no folder at {folder}; it should hold jpg, png or webp files"
    )
  paths, others = [], 0
  for parent, _, names in os.walk(folder):
    pictures = [n for n in names if n.lower().endswith(SUFFIXES)]
    paths += [os.path.join(parent, name) for name in pictures]
    others += len(names) - len(pictures)
  paths.sort()
  photos = [p for p in paths if not (paired and _is_sketch(p))]
  if not photos:
    held = f"but {others} other files" if others else "and no other file"
    raise errors.UserError(
      f"{key}: no picture below {folder}, {held}; jpg, jpeg, png and webp files"
      " are read"
    )
  return _pair(photos, set(paths).__contains__, key) if paired else _all(photos)


def read_file_list(path: str, *, key: str, paired: bool = False) -> Files:
  """Reads a text file with one path a line, in its order.

  Relative paths start at the list's own folder; empty lines are skipped.

  Args:
    path: the text file.
    key: the config key that names it, for the messages.
    paired: each photo has a sketch beside it.

  Raises:
    UserError: if the list is missing, is not text, is empty, or names files
      that do not exist (lists of more than 100,000 are checked by samples).
  """
  if not os.path.isfile(path):
    raise errors.UserError(
      f"{key}: no file at {path}; it should list one picture's path a line"
    )
  try:
    with open(path, encoding="utf-8-sig") as lines:
      stripped = [line.strip() for line in lines]
  except UnicodeDecodeError:
    raise errors.UserError(
      f"{key}: {path} is not a text file; it should list one picture's path a"
      " line"
    ) from None
  folder = os.path.dirname(os.path.abspath(path))
  photos = [os.path.join(folder, line) for line in stripped if line]
  if not photos:
    raise errors.UserError(
      f"{key}: {path} lists nothing; it should hold one picture's path a line"
    )
  sample = photos[:: -(-len(photos) // _CHECKED)]
  missing = [photo for photo in sample if not os.path.exists(photo)]
  if missing:
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    raise errors.UserError(
      f"{key}: {path} lists {missing[0]}{more}, which does not exist; correct"
      " or remove the line"
    )
  return _pair(photos, os.path.isfile, key) if paired else _all(photos)


def spread(total: int, wanted: int) -> list[int]:
  """Returns `wanted` positions in `[0, total)` at equal distances."""
  return [i * total // wanted for i in range(wanted)]


def hold_out(total: int, wanted: int) -> tuple[list[int], list[int]]:
  """Divides the positions of a list into training and validation.

  Args:
    total: length of the list.
    wanted: positions to hold out; at most a quarter of the list is.

  Returns:
    The positions for training and those held out, each in rising order.
  """
  held_out = spread(total, min(wanted, total // 4))
  held = set(held_out)
  return [i for i in range(total) if i not in held], held_out


def _all(photos) -> Files:
  return Files(tuple(photos))


def _is_sketch(path) -> bool:
  stem, suffix = os.path.splitext(path)
  return stem.endswith(SKETCH_MARK) and suffix.lower() in _SKETCH_SUFFIXES


def _pair(photos, exists, key) -> Files:
  """Finds the sketch of each photo, or says which are wanted."""
  sketches, lacking = [], []
  for photo in photos:
    stem = os.path.splitext(photo)[0] + SKETCH_MARK
    named = [stem + suffix for suffix in _SKETCH_SUFFIXES]
    found = [name for name in named if exists(name)]
    sketches += found[:1]
    if not found:
      lacking.append(named[0])
  if lacking:
    more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
    raise errors.UserError(
      f"{key}: no sketch at {lacking[0]}{more}; with"
      f' config.data.sketch="files" every X.jpg needs X{SKETCH_MARK}.jpg or'
      f" X{SKETCH_MARK}.png"
    )
  return Files(tuple(photos), tuple(sketches))
