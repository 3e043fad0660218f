"""Where an evaluation writes: not where it, or the next one, reads."""

import io
import os
import pathlib
import tempfile
from collections.abc import Sequence

import numpy as np
from PIL import Image

from gatedinpaint_jax import errors
from gatedinpaint_jax.evaluation import cases


def check_report(path: str) -> pathlib.Path:
  """Returns the report's .json file, which can be written.

  Raises:
    UserError: if it or what lies beside it cannot, or it is no .json.
  """
  output = pathlib.Path(os.path.expanduser(path))
  if output.suffix != ".json":
    raise errors.UserError(f"--output={path}: must end in .json")
  for file in of_report(output):
    if file.is_dir():
      raise errors.UserError(f"--output={path}: {file} is a folder")
  try:
    with tempfile.TemporaryFile(dir=output.parent):
      pass
  except OSError as error:
    raise errors.UserError(
      f"--output={path}: cannot be written ({error.strerror}); name a file in a"
      " folder that can"
    ) from error
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
  images: str,
  report: pathlib.Path | None,
  masks: str | None,
) -> None:
  """Makes sure that nothing that is read is written.

  Args:
    work: all cases; their files are read.
    images: where the next run may look for pictures: file, folder or pattern.
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
  folder = os.path.realpath(os.path.expanduser(images))
  for flag, value, file in written:
    path = os.path.realpath(file)
    if path in used:
      raise errors.UserError(
        f"{flag}={value}: {file} is a picture of this run; name another place"
      )
    if os.path.isdir(folder) and pathlib.Path(path).is_relative_to(folder):
      raise errors.UserError(
        f"{flag}={value}: {file} would be a picture of --images={images} for "
        "the next run; name another place"
      )


def to_png(image: np.ndarray) -> bytes:
  """Returns a picture, `[H, W, 3]` or `[H, W]` uint8, as a PNG file."""
  file = io.BytesIO()
  Image.fromarray(image).save(file, "PNG")
  return file.getvalue()
