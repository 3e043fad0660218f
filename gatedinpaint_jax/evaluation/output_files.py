"""Where an evaluation writes: not where it, or the next one, reads."""

import fnmatch
import glob
import io
import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from gatedinpaint_jax import errors, files
from gatedinpaint_jax.evaluation import cases
from gatedinpaint_jax.inference import photo_files


def check_report(path: str) -> pathlib.Path:
  """Returns the report's .json file, which can be written.

  Raises:
    UserError: if it or what lies beside it cannot, or it is no .json.
  """
  output = pathlib.Path(os.path.expanduser(path))
  if output.suffix != ".json":
    raise errors.UserError(f"--output={path}: must end in .json")
  with errors.prefixed("--output="):
    for file in reversed(of_report(output)):
      files.check_file(file)
  return output


def of_report(output: pathlib.Path) -> list[pathlib.Path]:
  """Returns the files of a report, .png, .md and .json, the last one itself."""
  return [output.with_suffix(suffix) for suffix in (".png", ".md", ".json")]


def of_mask(folder: str, case: cases.Case) -> pathlib.Path:
  """Returns where a case's mask goes, named like its picture."""
  return pathlib.Path(os.path.expanduser(folder)) / f"{case.name}.png"


def check_apart(
  work: Sequence[cases.Case],
  *,
  read: Mapping[str, Sequence[str]],
  report: pathlib.Path | None,
  masks: str | None,
) -> None:
  """Makes sure that nothing that is read is written.

  Args:
    work: all cases; their files are read.
    read: where the next run may look for pictures: files, folders or patterns,
      by their flags.
    report: the .json that is written, or None.
    masks: the folder that masks are written to, or None.

  Raises:
    UserError: if a file that is written is read by this run or the next.
  """
  written = []
  if report is not None:
    written += [("--output", report, file) for file in of_report(report)]
  if masks:
    written += [("--write_masks", masks, of_mask(masks, case)) for case in work]
  used = {
    os.path.realpath(file)
    for case in work
    for file in (case.image, case.mask, case.completed)
    if file
  }
  for flag, value, file in written:
    if os.path.realpath(file) in used:
      raise errors.UserError(
        f"{flag}={value}: {file} is a picture of this run; name another place"
      )
    for reader, places in read.items():
      for place in places:
        if would_be_read(file, place):
          raise errors.UserError(
            f"{flag}={value}: {file} would be a picture of {reader}={place} for"
            " the next run; name another place"
          )


def would_be_read(file: str | os.PathLike[str], place: str) -> bool:
  """Returns whether a file would be among those that a place names.

  Args:
    file: need not exist; any file in a folder counts, of those that a pattern
      fits pictures alone.
    place: a file, a folder or a pattern, as `inference.jobs` takes it.
  """
  path = pathlib.Path(os.path.realpath(os.path.expanduser(file)))
  given = os.path.expanduser(place)
  if os.path.isdir(given):
    return path.is_relative_to(os.path.realpath(given))
  if os.path.exists(given) or not glob.has_magic(given):
    return str(path) == os.path.realpath(given)
  folder, name = os.path.split(given)
  real = os.path.realpath(folder)
  # Of a folder that is there, brackets are brackets.
  start = glob.escape(real) if os.path.isdir(real) else real
  is_picture = (
    path.suffix.lower() in photo_files.SUFFIXES
    and not path.name.startswith(".")
  )
  return is_picture and _fits(path.parts, (*pathlib.Path(start).parts, name))


def _fits(parts, patterns) -> bool:
  """Returns whether `glob` finds a path by a pattern, each in its parts."""
  if not parts or not patterns:
    return not parts and not patterns
  if patterns[0] == "**":
    return any(_fits(parts[i:], patterns[1:]) for i in range(len(parts) + 1))
  return fnmatch.fnmatchcase(parts[0], patterns[0]) and _fits(
    parts[1:], patterns[1:]
  )


def to_png(image: np.ndarray) -> bytes:
  """Returns a picture, `[H, W, 3]` or `[H, W]` uint8, as a PNG file."""
  file = io.BytesIO()
  Image.fromarray(image).save(file, "PNG")
  return file.getvalue()
