"""Finds picture files, in a folder or a list, and their sketches.

Names are only listed here: nothing is decoded, and TensorFlow is needed for
cloud storage alone.

Folders, lists and their lines are paths or URLs. If photos are `paired`, each
has a sketch next to it, which is not a photo itself.
"""

import codecs
import collections
import contextlib
import io
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import picture_format, remote

# X.jpg has its sketch in X_edge.jpg or X_edge.png.
SKETCH_MARK = "_edge"
_SKETCH_SUFFIXES = (".jpg", ".png")
# Of longer lists only a sample is checked: a million look-ups on a network
# drive take an hour, and so do far fewer in cloud storage.
_CHECKED = 100_000
_CHECKED_URLS = 1000


class Files(NamedTuple):
  """Paths of photos and, for guided models, of their sketches (or None)."""

  photos: tuple[str, ...]
  sketches: tuple[str, ...] | None = None
  passed_over: str = ""  # what else is in the folder, in words

  def select(self, positions: Sequence[int]) -> "Files":
    """Returns the files at these positions."""
    photos = tuple(self.photos[i] for i in positions)
    sketches = self.sketches and tuple(self.sketches[i] for i in positions)
    return self._replace(photos=photos, sketches=sketches)


def find_in_folder(folder: str, *, paired: bool = False) -> Files:
  """Lists all pictures below a folder, at any depth, sorted by path.

  Raises:
    UserError: if the folder is missing or holds no picture, or a photo lacks
      its sketch.
  """
  paths, others = list_folder(folder)
  photos = [p for p in paths if not (paired and _is_sketch(p))]
  if not photos:
    raise errors.UserError(
      f"no picture below {folder}, only {describe(others) or 'empty folders'}; "
      f"{picture_format.NAMES} files are read"
    )
  sketches = _sketches(photos, set(paths).__contains__) if paired else None
  return Files(tuple(photos), sketches, describe(others))


def list_folder(folder: str) -> tuple[list[str], collections.Counter]:
  """Returns the pictures below a folder, sorted, and counts of all else there.

  Pictures are regular files that end like one. Others count by their ending,
  such as ".txt", or by what they are. Hidden folders are not entered.
  """
  paths, others = [], collections.Counter()
  for path, is_file in _walk(folder):
    name = os.path.basename(path)
    suffix = os.path.splitext(name)[1].lower()
    if name.startswith("."):  # among them previews and notes of macOS
      others["hidden"] += 1
    elif not is_file:
      others["broken links, links to folders, or pipes"] += 1
    elif suffix in picture_format.SUFFIXES:
      paths.append(path)
    else:
      others[suffix or "files without a suffix"] += 1
  return sorted(paths), others


def describe(counts: collections.Counter) -> str:
  """Returns counts in words, the largest first."""
  words = (f"{count} {name}" for name, count in counts.most_common())
  return errors.printable(", ".join(words))


def read_file_list(path: str, *, paired: bool = False) -> Files:
  """Reads a text file that lists one picture per line, in its order.

  Relative paths start at the list's own folder, `~` is a home; empty lines are
  skipped.

  Raises:
    UserError: if the list is missing, is not text, is empty, or names files
      that do not exist (of more than 100,000 paths, or 1000 URLs, only a sample
      is checked).
  """
  lines = _lines(path)
  folder = os.path.dirname(
    path if remote.is_url(path) else os.path.abspath(path)
  )
  photos = [_absolute(line, folder) for line in lines if line]
  if not photos:
    raise errors.UserError(
      f"{path} lists nothing; it should hold one picture's path a line"
    )
  missing = _missing(photos)
  if missing:
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    raise errors.UserError(
      f"{path} lists {missing[0]}{more}, which is not a file; correct or"
      " remove the line"
    )
  if not paired:
    return Files(tuple(photos))
  known = remote.siblings(filter(remote.is_url, photos))
  exists = lambda p: p in known if remote.is_url(p) else os.path.isfile(p)
  return Files(tuple(photos), _sketches(photos, exists))


def spread(total: int, wanted: int) -> list[int]:
  """Returns `wanted` positions in `[0, total)` at equal distances."""
  return [i * total // wanted for i in range(wanted)]


def hold_out(total: int, wanted: int) -> tuple[list[int], list[int]]:
  """Returns the positions of a list for training and those held out of it.

  Holds out `wanted`, at most a quarter of the list. Both are in rising order.
  """
  held_out = spread(total, min(wanted, total // 4))
  held = set(held_out)
  return [i for i in range(total) if i not in held], held_out


def _walk(folder) -> Iterator[tuple[str, bool]]:
  """Yields what is below a folder, and whether it is a regular file."""
  if remote.is_url(folder):
    with contextlib.suppress(FileNotFoundError):
      for parent, names in remote.walk(folder):
        yield from ((os.path.join(parent, name), True) for name in names)
      return
  elif os.path.isdir(folder):
    yield from _scan(folder)
    return
  raise errors.UserError(
    f"no folder at {folder}; it should hold {picture_format.NAMES} files"
  )


def _scan(folder):
  try:
    with os.scandir(folder) as entries:
      found = list(entries)
  except OSError as error:
    raise errors.UserError(
      f"{folder}: cannot be read ({error.strerror})"
    ) from error
  for entry in found:
    if entry.name.startswith(".") or not entry.is_dir(follow_symlinks=False):
      yield entry.path, _is_file(entry)
    else:
      yield from _scan(entry.path)


def _is_file(entry) -> bool:
  try:
    # Most file systems know without a look at the file itself.
    return entry.is_file()
  except OSError:  # a link to itself, or into a folder that cannot be read
    return False


def _lines(path) -> list[str]:
  """Returns the lines of a text file, stripped of spaces."""
  try:
    if remote.is_url(path):
      content = remote.read(path).getvalue()
    elif os.path.isfile(path):
      content = pathlib.Path(path).read_bytes()
    else:  # a folder, for one
      raise FileNotFoundError(path)
    lines = io.StringIO(_decode(content), newline=None)
    return [line.strip() for line in lines]
  except FileNotFoundError:
    raise errors.UserError(
      f"no file at {path}; it should list one picture's path a line"
    ) from None
  except UnicodeDecodeError:
    raise errors.UserError(
      f"{path} is not a text file; it should list one picture's path a line"
    ) from None


def _decode(content) -> str:
  """Returns a text in UTF-8, or in UTF-16 as Windows may write it."""
  is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
  text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
  if "\0" in text:
    raise UnicodeDecodeError("text", content, 0, 1, "a binary file")
  return text


def _absolute(line, folder) -> str:
  """Resolves a line of a list against the list's folder."""
  if remote.is_url(line):
    return line
  if remote.is_url(folder) and not os.path.isabs(line):
    return remote.join(folder, line)
  return os.path.join(folder, os.path.expanduser(line))


def _missing(photos) -> list[str]:
  """Returns which photos do not exist; of very many, a sample is checked."""
  urls = [photo for photo in photos if remote.is_url(photo)]
  paths = [photo for photo in photos if not remote.is_url(photo)]
  missing = [p for p in _sample(paths, _CHECKED) if not os.path.isfile(p)]
  return missing + remote.missing(_sample(urls, _CHECKED_URLS))


def _sample(paths, most) -> Sequence[str]:
  return paths[:: -(-len(paths) // most) or 1]


def _is_sketch(path) -> bool:
  stem, suffix = os.path.splitext(path)
  return stem.endswith(SKETCH_MARK) and suffix.lower() in _SKETCH_SUFFIXES


def _sketches(photos, exists) -> tuple[str, ...]:
  """Returns the sketches of photos; raises UserError if one is missing."""
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
      f"no sketch at {lacking[0]}{more}; with"
      f' config.data.sketch="files" every X.jpg needs X{SKETCH_MARK}.jpg or'
      f" X{SKETCH_MARK}.png"
    )
  return tuple(sketches)
