"""Reads the answers saved by the page of a user study."""

import csv
import io
import json
import math
import pathlib
from collections.abc import Iterable
from typing import NamedTuple

from gatedinpaint_jax import errors, files
from gatedinpaint_jax.study import page

# More would take hours and all memory to summarise.
_MOST_RATERS = 10_000


class Key(NamedTuple):
  """The key of a study; `pictures` is {id: (method, case)}."""

  study: str
  title: str
  pictures: dict[str, tuple[str, str]]


class Answer(NamedTuple):
  """A rating from 1 to 10, and the time it took."""

  rating: int
  seconds: float


class Answers(NamedTuple):
  """All answers of a study."""

  given: dict[tuple[str, str], Answer]  # {(rater, picture's id): answer}
  replaced: int  # number of ratings replaced by a later one of the same rater


def read_key(folder: pathlib.Path) -> Key:
  """Returns the key in the folder of `page.write`."""
  path = folder / page.KEY
  try:
    content = json.loads(files.read(path))
    pictures = {
      name: (str(owner["method"]), str(owner["case"]))
      for name, owner in content["pictures"].items()
    }
    return Key(str(content["study"]), str(content["title"]), pictures)
  except OSError as error:
    raise errors.UserError(
      f"{path}: cannot be read ({error.strerror}); name the folder that the "
      "study was written to"
    ) from error
  except errors.NONSENSE as error:
    raise errors.UserError(f"{path}: is not the key of a study") from error


def read_answers(files: Iterable[pathlib.Path], key: Key) -> Answers:
  """Returns the answers in CSV files, sorted by name and so by time.

  A rater who saves twice has two files with the same answers; the last one for
  each picture counts.
  """
  given, replaced = {}, 0
  for path in files:
    for rated, answer in _read_file(path, key):
      if rated in given and given[rated].rating != answer.rating:
        replaced += 1
      given[rated] = answer
  if not given:
    raise errors.UserError("the answer files contain no answers")
  raters = len({rater for rater, _ in given})
  if raters > _MOST_RATERS:
    raise errors.UserError(
      f"the answer files name {raters} raters, more than {_MOST_RATERS}; leave "
      "out what no rater has saved"
    )
  return Answers(given, replaced)


def _read_file(path, key):
  try:
    text = files.read(path).decode("utf-8-sig")
  except UnicodeDecodeError as error:
    raise errors.UserError(
      f"{path}: is not UTF-8 text; save it as UTF-8"
    ) from error
  except OSError as error:
    raise errors.UserError(
      f"{path}: cannot be read ({error.strerror})"
    ) from error
  reader = csv.reader(io.StringIO(text, newline=""), strict=True)
  header = ",".join(page.COLUMNS)
  try:
    if next(reader, None) != list(page.COLUMNS):
      raise errors.UserError(
        f"{path}: is not an answer file; the first line must be {header}"
      )
    for row in reader:
      if row:
        yield _read_row(f"{path}, line {reader.line_num}", row, key)
  except csv.Error as error:
    raise errors.UserError(
      f"{path}, line {reader.line_num}: {error}; must be {header}"
    ) from error


def _read_row(place, row, key):
  if len(row) != len(page.COLUMNS):
    raise errors.UserError(
      f"{place}: {len(row)} columns; must be {','.join(page.COLUMNS)}"
    )
  study, rater, picture, rating, seconds = (cell.strip() for cell in row)
  if study != key.study:
    raise errors.UserError(
      f"{place}: answers study {study}, not {key.study}; leave this file out "
      "or name its study"
    )
  if picture not in key.pictures:
    raise errors.UserError(
      f"{place}: this study has no picture {picture!r}; use the file as saved "
      "by the page"
    )
  if not rater:
    raise errors.UserError(f"{place}: the rater has no name; add one")
  if rating not in map(str, page.RATINGS):
    raise errors.UserError(
      f"{place}: rating {rating!r}; must be an integer from 1 to 10"
    )
  try:
    time = float(seconds)
  except ValueError:
    time = math.nan
  if not 0 <= time < math.inf:
    raise errors.UserError(
      f"{place}: {seconds!r} seconds; must be a number, 0 or more"
    )
  return (rater, picture), Answer(int(rating), time)
