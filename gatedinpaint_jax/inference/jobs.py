"""Pairs pictures with their masks, sketches and outputs, by name.

Each of them is given as files, folders or patterns. A file in a folder goes by
its path below the folder, without suffix; a file that a pattern with one star
found goes by what the star stands for; any other file goes by its stem. Hidden
files and folders are no pictures, nor is what is given as a mask or a sketch,
nor what lies in an output folder below. Links to folders are not entered.
Nothing is decoded here.
"""

import glob
import mimetypes
import os
import pathlib
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from gatedinpaint_jax import errors
from gatedinpaint_jax.inference import photo_files


class Job(NamedTuple):
  """One picture to fill.

  Attributes:
    image: the picture's file.
    mask: its mask, or None if it has none, which `problem` then says.
    sketch: its sketch, or None.
    output: where the result goes.
    problem: why it cannot be done, or None.
  """

  image: pathlib.Path
  mask: pathlib.Path | None
  sketch: pathlib.Path | None
  output: pathlib.Path
  problem: str | None = None


class _Named(NamedTuple):
  """A file, the name that it pairs by, and what its result is called."""

  name: str
  path: pathlib.Path
  result: str


def find(
  image: Sequence[str],
  mask: Sequence[str],
  sketch: Sequence[str],
  output: str,
  *,
  suffix: str = ".png",
) -> list[Job]:
  """Returns what is to be done, in the order of the pictures.

  Args:
    image: files, folders or patterns.
    mask: the same; a single file serves all pictures.
    sketch: the same; may be empty.
    output: a file if `image` is one file, else a folder, which need not exist.
    suffix: of the files in the output folder.

  Raises:
    UserError: if something is not there, nothing pairs up, or a result would
      overwrite what it is made of.
  """
  output_path = _path(output)
  find_mask = _Finder("`mask`", mask, output_path)
  find_sketch = _Finder("`sketch`", sketch, output_path)
  named_images = _list_pictures(
    image, output_path, not_among=find_mask.files | find_sketch.files
  )
  outputs = _outputs(named_images, image, output_path, suffix)
  jobs = []
  for (name, path, _), result in zip(named_images, outputs, strict=True):
    its_mask, its_sketch = find_mask(name), find_sketch(name)
    problem = None
    if its_mask is None:
      problem = f"no mask named {name}.* in {', '.join(mask)}"
    elif sketch and its_sketch is None:
      problem = f"no sketch named {name}.* in {', '.join(sketch)}"
    jobs.append(Job(path, its_mask, its_sketch, result, problem))
  _check_nothing_is_overwritten(jobs, find_mask.files | find_sketch.files)
  if all(job.problem for job in jobs):
    raise errors.UserError(
      f"{jobs[0].image}: {jobs[0].problem}; files pair up by their stems"
    )
  return jobs


def by_name(flag: str, given: Sequence[str]) -> dict[str, pathlib.Path]:
  """Returns the files that a flag names, by the names that they pair by.

  Args:
    flag: to name in errors.
    given: files, folders or patterns.

  Raises:
    UserError: if something is not there, is no picture or has the same name as
      another.
  """
  return _by_name(flag, _list_files(flag, given, pathlib.Path(os.devnull)))


def _by_name(flag, listed) -> dict[str, pathlib.Path]:
  paths = {}
  for name, path, _ in listed:
    if name in paths:
      raise errors.UserError(
        f"{flag}: {paths[name]} and {path} have the same name; keep one"
      )
    paths[name] = path
  return paths


class _Finder:
  """Finds the mask or sketch of a picture by the picture's name."""

  def __init__(self, flag, given, output):
    """Lists the files; `files` are their real paths."""
    listed = _list_files(flag, given, output)
    self.files = {os.path.realpath(entry.path) for entry in listed}
    self._for_all = None
    if len(listed) == 1 and listed[0].path == _path(given[0]):
      self._for_all = listed[0].path
    self._by_name = _by_name(flag, listed)

  def __call__(self, name) -> pathlib.Path | None:
    return self._for_all or self._by_name.get(name)


def _path(text) -> pathlib.Path:
  return pathlib.Path(os.path.expanduser(text))


def _list_pictures(given, output, *, not_among) -> list[_Named]:
  listed = _list_files("`image`", given, output)
  pictures = [p for p in listed if os.path.realpath(p.path) not in not_among]
  if not pictures:
    raise errors.UserError(
      f"`image`={given[0]}: the same file is given as `mask` or `sketch`"
    )
  return pictures


def _list_files(flag, given, output) -> list[_Named]:
  """Returns all files that the values of a flag name, without doubles."""
  found = []
  for text in given:
    path = _path(text)
    if os.path.isdir(path):
      found += _in_folder(flag, path, output)
    elif os.path.exists(path):
      found.append(_Named(path.stem, path, path.stem))
    elif glob.has_magic(text):
      found += _by_pattern(flag, path, output)
    else:
      raise errors.UserError(f"{flag}={text}: no such file or folder")
  # A system may write an accent as a letter of its own.
  by_path = {
    entry.path: entry._replace(name=unicodedata.normalize("NFC", entry.name))
    for entry in found
  }
  return list(by_path.values())


def _in_folder(flag, folder, output) -> list[_Named]:
  if os.path.realpath(folder) == os.path.realpath(output):
    raise errors.UserError(
      f"`output`={output}: a second run would read the results for {flag}; "
      "name another folder"
    )
  found, results = [], os.path.realpath(output)
  for parent, folders, names in os.walk(folder, onerror=_refuse_unreadable):
    folders[:] = [
      f
      for f in folders
      if not f.startswith(".")
      and os.path.realpath(os.path.join(parent, f)) != results
    ]
    # A folder named like a picture is somebody's mistake: it is to be told.
    mistaken = [f for f in folders if _is_picture_name(f)]
    folders[:] = [f for f in folders if f not in mistaken]
    for name in [*filter(_is_picture_name, names), *mistaken]:
      path = pathlib.Path(parent, name)
      name = path.relative_to(folder).with_suffix("").as_posix()
      found.append(_Named(name, path, name))
  if not found:
    raise errors.UserError(
      f"{flag}={folder}: no picture below this folder; jpg, png, webp and tiff "
      "files are read"
    )
  return sorted(found)


def _refuse_unreadable(error):
  raise errors.UserError(f"{error.filename}: cannot be read ({error.strerror})")


def _by_pattern(flag, pattern, output) -> list[_Named]:
  folder, name = pattern.parent, pattern.name
  # Of a folder that is there, brackets are brackets.
  start = glob.escape(str(folder)) if os.path.isdir(folder) else str(folder)
  found = glob.glob(os.path.join(start, name), recursive=True)
  paths = [path for path in map(pathlib.Path, found) if _is_picture_name(path)]
  while glob.has_magic(str(folder)) and not os.path.isdir(folder):
    folder = folder.parent
  if _is_within(output, folder):  # else it is meant
    paths = [path for path in paths if not _is_within(path, output)]
  if not paths:
    raise errors.UserError(
      f"{flag}={pattern}: no jpg, png, webp or tiff file fits this pattern"
    )
  before, star, after = name.partition("*")
  if not star or glob.has_magic(before + after) or before.endswith("."):
    return sorted(_Named(p.stem, p, p.stem) for p in paths)
  end = len(pathlib.Path("x" + after).stem) - 1  # of *_mask.png, that of _mask
  return sorted(
    _Named(p.stem[len(before) : len(p.stem) - end], p, p.stem) for p in paths
  )


def _is_within(path, folder) -> bool:
  real, outer = os.path.realpath(path), os.path.realpath(folder)
  return real != outer and os.path.commonpath([real, outer]) == outer


def _is_picture_name(path) -> bool:
  name = os.path.basename(path)
  is_hidden = name.startswith(".")  # such as parts of results
  return name.lower().endswith(photo_files.SUFFIXES) and not is_hidden


def _outputs(images, given, output, suffix) -> list[pathlib.Path]:
  """Returns where the result of each picture goes."""
  is_one_file = len(given) == 1 and _path(given[0]) == images[0].path
  if not os.path.isdir(output) and _names_a_picture(output):
    if not is_one_file:
      raise errors.UserError(
        f"`output`={output}: must be a folder for the results of "
        f"{', '.join(given)}"
      )
    if not _is_picture_name(output):
      raise errors.UserError(
        f"`output`={output}: must end in {', '.join(photo_files.SUFFIXES)}"
      )
    return [output]
  if os.path.exists(output) and not os.path.isdir(output):
    raise errors.UserError(f"`output`={output}: a file, not a folder")
  results = {}
  for _, path, result_name in images:
    result = output / f"{result_name}{suffix}"
    if result in results:
      raise errors.UserError(
        f"`image`: {results[result]} and {path} would both become {result}; "
        "rename one"
      )
    results[result] = path
  return list(results)


def _names_a_picture(path) -> bool:
  kind, _ = mimetypes.guess_type(path.name)
  return _is_picture_name(path) or (kind or "").startswith("image/")


def _check_nothing_is_overwritten(jobs, others):
  """Refuses a result in the place of any picture, mask or sketch."""
  sources = {os.path.realpath(job.image) for job in jobs} | others
  for job in jobs:
    if os.path.realpath(job.output) in sources:
      raise errors.UserError(
        f"`output`: {job.output} is a picture, mask or sketch of this run; "
        "name another"
      )
