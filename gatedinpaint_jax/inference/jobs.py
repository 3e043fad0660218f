"""Pairs pictures with their masks, sketches and outputs by name.

Each of them is given as files, folders or patterns. A file in a folder is named
by its path below the folder, without suffix; a file that matches a pattern with
one star by what the star stands for; any other file by its stem. Skipped are
hidden files and folders, files that are also given as masks or sketches, an
output folder below an input folder, and links to folders. Nothing is decoded.
"""

import collections
import glob
import mimetypes
import os
import pathlib
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

from gatedinpaint_jax import errors, files
from gatedinpaint_jax.data import listing, picture_format
from gatedinpaint_jax.inference import photo_writer


class Job(NamedTuple):
  """A picture to fill."""

  image: pathlib.Path
  mask: pathlib.Path | None  # None if missing
  sketch: pathlib.Path | None
  output: pathlib.Path
  problem: str | None = None  # why it cannot be filled, such as a missing mask


class _Named(NamedTuple):
  """A file, the name that it pairs by, and the stem of its result."""

  name: str
  path: pathlib.Path
  result: str


def find(
  image: Sequence[str],
  mask: Sequence[str],
  sketch: Sequence[str],
  output: str,
  *,
  suffix: str | None = ".png",
) -> list[Job]:
  """Returns a job for each picture, in their order.

  Pictures, masks and sketches are files, folders or patterns; a single mask
  serves all pictures. The output is a file if `image` is a single file, else a
  folder for files with the suffix, or with None with that of each picture.
  """
  output_path = files.expand(output)
  find_mask = _Finder("`mask`", mask, output_path)
  find_sketch = _Finder("`sketch`", sketch, output_path)
  guides = find_mask.files | find_sketch.files
  listed = _list_files("`image`", image, output_path)
  pictures = [p for p in listed if os.path.realpath(p.path) not in guides]
  if not pictures:
    raise errors.UserError(
      f"`image`={image[0]}: the same file is given as `mask` or `sketch`"
    )
  outputs = _outputs(pictures, image, output_path, suffix)
  takers = _group(zip(outputs, [entry.path for entry in pictures], strict=True))
  jobs = []
  for (name, path, _), result in zip(pictures, outputs, strict=True):
    paired_mask, problem = find_mask(name)
    paired_sketch, without_sketch = find_sketch(name)
    others = [other for other in takers[result] if other != path]
    if others:
      problem = f"would become {result}, as would {others[0]}; rename one"
    jobs.append(
      Job(path, paired_mask, paired_sketch, result, problem or without_sketch)
    )
  _check_nothing_is_overwritten(jobs, guides)
  if all(job.problem for job in jobs):
    raise errors.UserError(
      f"{jobs[0].image}: {jobs[0].problem}; files pair up by their stems"
    )
  return jobs


def list_by_name(key: str, given: Sequence[str]) -> dict[str, pathlib.Path]:
  """Returns {name to pair by: file}; errors name `key` as the source."""
  listed = _list_files(key, given, pathlib.Path(os.devnull))
  by_name = _group((entry.name, entry.path) for entry in listed)
  for same in by_name.values():
    if len(same) > 1:
      raise errors.UserError(f"{key}: {_of_one_name(same)}")
  return {name: path for name, (path,) in by_name.items()}


def _group(pairs) -> dict[Any, list[pathlib.Path]]:
  grouped = collections.defaultdict(list)
  for key, path in pairs:
    grouped[key].append(path)
  return grouped


def _of_one_name(paths) -> str:
  return f"{paths[0]} and {paths[1]} have the same name; keep one"


def passed_over(places: Sequence[str]) -> list[str]:
  """Returns a line on each folder in which there is more than pictures."""
  lines = []
  for place in places:
    folder = os.path.expanduser(place)
    others = os.path.isdir(folder) and listing.list_folder(folder)[1]
    if others:
      lines.append(f"{place}: passed over {listing.describe(others)}")
  return lines


class _Finder:
  """Finds the mask or sketch of a picture by the picture's name."""

  def __init__(self, key, given, output):
    """Lists the files; `files` are their real paths."""
    self._key, self._given = key, given
    listed = _list_files(key, given, output)
    self.files = {os.path.realpath(entry.path) for entry in listed}
    self._shared = None
    if len(listed) == 1 and listed[0].path == files.expand(given[0]):
      self._shared = listed[0].path
    self._by_name = _group((entry.name, entry.path) for entry in listed)

  def __call__(self, name) -> tuple[pathlib.Path | None, str | None]:
    """Returns the file, or None, and why a file that is needed is missing."""
    if self._shared or not self._given:
      return self._shared, None
    found = self._by_name.get(name, [])
    if len(found) == 1:
      return found[0], None
    if found:
      return None, f"{self._key}: {_of_one_name(found)}"
    kind = self._key.strip("`")
    return None, f"no {kind} named {name}.* in {', '.join(self._given)}"


def _list_files(key, given, output) -> list[_Named]:
  """Returns all files that the values of an argument name, without repeats."""
  found = []
  for text in given:
    path = files.expand(text)
    if os.path.isdir(path):
      found += _in_folder(key, path, output)
    elif os.path.exists(path):
      found.append(_Named(path.stem, path, path.stem))
    elif glob.has_magic(text):
      found += _by_pattern(key, path, output)
    else:
      raise errors.UserError(f"{key}={text}: no such file or folder")
  # Some systems write an accent as a separate character.
  by_path = {
    entry.path: entry._replace(name=unicodedata.normalize("NFC", entry.name))
    for entry in found
  }
  return list(by_path.values())


def _in_folder(key, folder, output) -> list[_Named]:
  results = os.path.realpath(output)
  if os.path.realpath(folder) == results:
    raise errors.UserError(
      f"`output`={output}: a second run would read the results as {key}; "
      "name another folder"
    )
  found = []
  for parent, folders, names in os.walk(folder, onerror=_refuse_unreadable):
    wanted = [
      f
      for f in folders
      if not f.startswith(".")
      and os.path.realpath(os.path.join(parent, f)) != results
    ]
    folders[:] = [f for f in wanted if not _is_picture_name(f)]
    # A folder named like a picture is taken for one, so that it is reported.
    for name in filter(_is_picture_name, [*names, *wanted]):
      path = pathlib.Path(parent, name)
      name = path.relative_to(folder).with_suffix("").as_posix()
      found.append(_Named(name, path, name))
  if not found:
    raise errors.UserError(
      f"{key}={folder}: no picture below this folder; {picture_format.NAMES} "
      "files are read"
    )
  return sorted(found)


def _refuse_unreadable(error):
  raise errors.UserError(f"{error.filename}: cannot be read ({error.strerror})")


def _by_pattern(key, pattern, output) -> list[_Named]:
  folder, name = pattern.parent, pattern.name
  # If the folder exists, brackets in its name are literal.
  start = glob.escape(str(folder)) if os.path.isdir(folder) else str(folder)
  found = glob.glob(os.path.join(start, name), recursive=True)
  paths = [path for path in map(pathlib.Path, found) if _is_picture_name(path)]
  while glob.has_magic(str(folder)) and not os.path.isdir(folder):
    folder = folder.parent
  if _is_within(output, folder):  # otherwise the pattern names it on purpose
    paths = [path for path in paths if not _is_within(path, output)]
  if not paths:
    raise errors.UserError(
      f"{key}={pattern}: no {picture_format.NAMES} file matches this pattern"
    )
  before, star, after = name.partition("*")
  if not star or glob.has_magic(before + after) or before.endswith("."):
    return sorted(_Named(p.stem, p, p.stem) for p in paths)
  end = len(pathlib.Path("x" + after).stem) - 1  # of *_mask.png: len("_mask")
  return sorted(
    _Named(p.stem[len(before) : len(p.stem) - end], p, p.stem) for p in paths
  )


def _is_within(path, folder) -> bool:
  real, outer = os.path.realpath(path), os.path.realpath(folder)
  return real != outer and os.path.commonpath([real, outer]) == outer


def _is_picture_name(path) -> bool:
  name = os.path.basename(path)
  is_hidden = name.startswith(".")  # such as temporary files of results
  return name.lower().endswith(picture_format.SUFFIXES) and not is_hidden


def _outputs(pictures, given, output, suffix) -> list[pathlib.Path]:
  is_one_file = len(given) == 1 and files.expand(given[0]) == pictures[0].path
  if not os.path.isdir(output) and _names_a_picture(output):
    if not is_one_file:
      raise errors.UserError(
        f"`output`={output}: must be a folder for the results of "
        f"{', '.join(given)}"
      )
    if not _suffix_is_written(output):
      raise errors.UserError(
        f"`output`={output}: must end in {', '.join(photo_writer.SUFFIXES)}"
      )
    return [output]
  if os.path.exists(output) and not os.path.isdir(output):
    raise errors.UserError(f"`output`={output}: a file, not a folder")

  def result(entry):
    own = entry.path.suffix if _suffix_is_written(entry.path) else ".png"
    return output / f"{entry.result}{suffix or own}"

  return [result(entry) for entry in pictures]


def _suffix_is_written(path) -> bool:
  return path.suffix.lower() in photo_writer.SUFFIXES


def _names_a_picture(path) -> bool:
  kind, _ = mimetypes.guess_type(path.name)
  return _is_picture_name(path) or (kind or "").startswith("image/")


def _check_nothing_is_overwritten(jobs, guides):
  sources = {os.path.realpath(job.image) for job in jobs} | guides
  for job in jobs:
    if os.path.realpath(job.output) in sources:
      raise errors.UserError(
        f"`output`: {job.output} is a picture, mask or sketch of this run; "
        "name another"
      )
