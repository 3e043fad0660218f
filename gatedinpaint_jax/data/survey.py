"""Looks through the files of a config before they are trained on.

Of most photographs only the headers are read. Masks and sketches are decoded by
the reader that training uses.
"""

import collections
import functools
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent import futures
from typing import Any, NamedTuple

import numpy as np

from gatedinpaint_jax import errors
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import (
  build,
  checks,
  duplicates,
  hole_files,
  listing,
  photo_files,
  remote,
  unreadable,
  value_survey,
)

# Above it, the colours of a mask or a sketch may be the wrong way round.
_MOSTLY = 0.5
_NAMED = 3
# Photographs of which the pixels are decoded, too.
_DECODED = 200


class Survey(NamedTuple):
  """What was found.

  Attributes:
    facts: {set of files: {what: count or value}}, for JSON.
    notes: lines on what is probably not meant.
    problems: lines on what would train wrongly or not at all.
  """

  facts: dict[str, dict[str, Any]]
  notes: list[str]
  problems: list[str]

  def lines(self) -> list[str]:
    """Returns all of it for a person."""
    described = {
      name: [f"{what} {value}" for what, value in facts.items()]
      for name, facts in self.facts.items()
    }
    lines = [f"{name}: {', '.join(facts)}" for name, facts in described.items()]
    lines += [f"note: {note}" for note in self.notes]
    lines += [f"problem: {problem}" for problem in self.problems]
    return [errors.printable(line) for line in lines]


def look(config: Any, *, most: int | None = None) -> Survey:
  """Looks at the files of a complete config.

  Looks at up to `most` files of each kind, at equal distances in their list.
  Files in cloud storage and TFDS data sets are left out. Arrays, which training
  is about to load, are loaded only without `most`.

  Raises:
    UserError: as `build.find_pictures`.
  """
  checks.check(config)
  survey = Survey({}, [], [])
  used, listed = {}, []
  find = functools.cache(functools.partial(build.find_files, config))
  for name in ("training", "validation"):
    is_validation = name == "validation"
    if is_validation and not config.evaluation.pictures:
      continue
    if config.data.source == "tfds":
      survey.facts[name] = {"TFDS data set": "not looked at"}
      continue
    if config.data.source == "arrays" and most is not None:
      continue
    found, positions = build.select(config, find, validation=is_validation)
    if config.data.source == "arrays":
      survey.facts[name] = {"arrays": len(positions)}
      continue
    if found.passed_over and not any(found is other for other in listed):
      survey.notes.append(f"{name}: passed over {found.passed_over}")
    listed.append(found)
    used[name] = found.select(positions)
    _look_at_photos(survey, name, used[name], config, most)
  _look_for_duplicates(survey, used, most)
  holes = build.list_holes(config.mask)
  if holes.paths:
    _look_at_masks(survey, holes, config, most)
  return survey


def _look_at_photos(survey, name, files, config, most) -> None:
  paths = _sample(files.photos, most)
  values = values_lib.from_config(config)
  outlines, bad = _read(
    functools.partial(value_survey.read_outline, values=values), paths
  )
  # Pixels take longer than headers.
  shares, others = _read(
    functools.partial(value_survey.read_shares, values=values),
    _sample([*outlines], _DECODED),
  )
  bad |= others
  facts = survey.facts[name] = {"pictures": len(files.photos)}
  if len(paths) < len(files.photos):
    facts["of these looked at"] = len(paths)
  found = list(outlines.values())
  facts |= collections.Counter(outline.kind for outline in found)
  if found:
    sizes = sorted((outline.size for outline in found), key=np.prod)
    facts["from"], facts["to"] = (
      f"{width} x {height}" for height, width in (sizes[0], sizes[-1])
    )
  for what, paths_of_it in (
    ("turned by Exif data", [p for p, o in outlines.items() if o.is_turned]),
    ("grey", [p for p, o in outlines.items() if o.channels < 3]),
    (
      "animations or pages of which only the first is read",
      [p for p, o in outlines.items() if o.frames > 1],
    ),
    (
      "smaller than config.data.image_size",
      [
        path
        for path, outline in outlines.items()
        if min(np.subtract(outline.size, config.data.image_size)) < 0
      ],
    ),
  ):
    if paths_of_it:
      facts[what] = len(paths_of_it)
  _look_at_values(survey, name, outlines, shares, values)
  if bad:
    facts["unreadable"] = len(bad)
    is_problem = not found or unreadable.are_too_many(len(bad), len(paths))
    lines = survey.problems if is_problem else survey.notes
    lines.append(f"{name}: {_named(bad.values())}")
  if files.sketches is not None:
    _look_at_sketches(survey, name, files, outlines, config)


def _look_at_values(survey, name, outlines, shares, values) -> None:
  """Tells what training loses of the values of pictures, and what they lack."""
  deep = [path for path, o in outlines.items() if o.dtype == np.uint16]
  if deep and values.are_levels:
    survey.notes.append(
      f"{name}: {_named(deep)}: 16 bits, of which 8 are read unless"
      " config.data.value_range is set"
    )
  missing = np.mean([share.missing for share in shares.values()] or [0])
  if missing:
    survey.facts[name]["missing values"] = f"{missing:.1%}"
  for what, paths in (
    (
      "all values are missing",
      [p for p, s in shares.items() if s.missing == 1],
    ),
    (
      "most values are beyond config.data.value_range",
      [path for path, share in shares.items() if share.beyond > _MOSTLY],
    ),
  ):
    if paths:
      survey.notes.append(f"{name}: {_named(paths)}: {what}")


def _look_at_sketches(survey, name, files, outlines, config) -> None:
  sketches = dict(zip(files.photos, files.sketches, strict=True))
  paths = {sketches[photo]: outline for photo, outline in outlines.items()}
  planes, bad = _read(_read_sketch(config), list(paths))
  mostly = [path for path, (_, share) in planes.items() if share > _MOSTLY]
  empty = [path for path, (_, share) in planes.items() if not share]
  others = [
    path for path, (size, _) in planes.items() if size != paths[path].size
  ]
  survey.facts[f"sketches for {name}"] = {
    "files": len(paths),
    "mostly line": len(mostly),
    "without a line": len(empty),
  }
  for found, what in (
    (mostly, "more line than background; white lines on black are read"),
    (empty, "no line above config.data.sketch_threshold"),
    (others, "not the size of its photo"),
    (list(bad.values()), ""),
  ):
    if found:
      survey.notes.append(f"{_named(found)}{what and f': {what}'}")
  if len(others) + len(bad) == len(paths) > 0:
    survey.problems.append(f"{name}: no sketch can be used with its photo")


def _read_sketch(config) -> Callable:
  """Returns a function to the size of a sketch and its share of lines."""

  def read(path):
    plane = _decode(path, hole_files.decode_sketch)
    return plane.shape, (plane / 255 > config.data.sketch_threshold).mean()

  return read


def _look_at_masks(survey, holes, config, most) -> None:
  size = tuple(config.data.image_size)
  read = functools.partial(
    hole_files.decode_mask, size=size, invert=holes.invert
  )

  def share_of_hole(path):
    return _decode(path, read).mean()

  paths = _sample(holes.paths, most)
  if not paths:
    survey.facts["masks"] = {"files in cloud storage": "not looked at"}
    return
  shares, unusable = _read(share_of_hole, paths)
  empty = [path for path, share in shares.items() if not share]
  mostly = [path for path, share in shares.items() if share > _MOSTLY]
  survey.facts["masks"] = {
    "files": len(holes.paths),
    "hole on average": f"{np.mean([*shares.values()] or [0]):.0%}",
    "without a hole": len(empty),
    "mostly hole": len(mostly),
  }
  if unusable:
    survey.problems.append(f"config.mask.path: {_named(unusable.values())}")
  elif len(empty) == len(paths):
    survey.problems.append(
      "config.mask.path: no mask has a hole; white is hole, or black with "
      "config.mask.invert"
    )
  elif empty:
    survey.notes.append(f"{_named(empty)}: no hole")
  if mostly:
    survey.notes.append(
      f"{_named(mostly)}: more hole than picture; config.mask.invert is "
      f"{holes.invert}"
    )


def _look_for_duplicates(survey, used, most) -> None:
  """Notes files for training that have the content of one for validation."""
  if len(used) < 2:
    return
  twins = duplicates.find(
    _sample(used["training"].photos, most),
    _sample(used["validation"].photos, most),
  )
  if twins:
    lines = [f"{path} is the same as {twin}" for path, twin in twins.items()]
    survey.notes.append(
      f"{len(twins)} files for training are also held out: {_named(lines)}"
    )


def _decode(path, function) -> np.ndarray:
  file = photo_files.read_content(path)
  with errors.prefixed(f"{path}: "):
    return function(file)


def _sample(paths, most) -> Sequence[str]:
  local = [path for path in paths if not remote.is_url(path)]
  if most is None or len(local) <= most:
    return local
  return [local[i] for i in listing.spread(len(local), most)]


def _read(function, paths) -> tuple[dict[str, Any], dict[str, str]]:
  """Returns {path: result}, and {path: message} of those that fail."""

  def read(path):
    try:
      return function(path)
    except errors.UserError as error:
      return error

  with futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    results = dict(zip(paths, pool.map(read, paths), strict=True))
  failed = {
    path: str(result)
    for path, result in results.items()
    if isinstance(result, errors.UserError)
  }
  return {p: r for p, r in results.items() if p not in failed}, failed


def _named(lines: Iterable[str]) -> str:
  lines = list(lines)
  more = len(lines) - _NAMED
  return ", ".join(lines[:_NAMED]) + (f" and {more} more" if more > 0 else "")
