"""The files of a report: JSON, Markdown and, of an evaluation, a PNG."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from gatedinpaint_jax import errors, files

_SUFFIXES = (".json", ".md", ".png")
# Of the JSON of one subject, of several, and of the summary of a study.
_KEYS = ({"scores", "masks"}, {"subjects", "comparison"}, {"study", "methods"})


def check_output(path: str) -> pathlib.Path:
  """Returns the path of a report's .json file."""
  output = files.expand(path)
  if output.suffix != ".json":
    raise errors.UserError(f"{path}: must end in .json")
  for file in paths(output):
    files.check_file(file)
  return output


def check_free(
  output: pathlib.Path, *, overwrite: bool, with_sheet: bool = False
) -> None:
  """Raises UserError if a report would replace other files than a report.

  `overwrite` allows it; `with_sheet` says that the report has a .png.
  """
  may_replace = overwrite or _is_report(output)
  for file in paths(output)[: 2 + with_sheet]:
    files.check_free(file, overwrite=may_replace)


def paths(output: pathlib.Path) -> list[pathlib.Path]:
  """Returns the .json, .md and .png file of a report."""
  return [output.with_suffix(suffix) for suffix in _SUFFIXES]


def write(
  output: pathlib.Path,
  content: Mapping[str, Any],
  tables: str,
  sheet: bytes | None = None,
) -> None:
  """Writes the files of a report, the .json last."""
  # File names need not be valid Unicode.
  text = tables.encode(errors="backslashreplace")
  data = to_json(content), text, sheet
  for file, part in reversed([*zip(paths(output), data, strict=True)]):
    if part is not None:
      files.write(file, part)


def to_json(content: Mapping[str, Any]) -> bytes:
  """Returns the content of a JSON file."""
  return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def _is_report(path) -> bool:
  try:
    content = json.loads(path.read_bytes()) if path.is_file() else None
  except (OSError, ValueError, RecursionError):
    return False
  return isinstance(content, dict) and any(
    keys <= content.keys() for keys in _KEYS
  )
