"""What methods make of pictures: kept in a folder, scored and shown.

FOLDER/MASKS/METHOD/NAME.png  a completed picture
FOLDER/MASKS/METHOD.json      the report on all of them, as `evaluate` writes
"""

import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gatedinpaint_jax import errors, terminal
from gatedinpaint_jax.evaluation import (
  cases,
  comparison_grid,
  frozen_masks,
  output_files,
  report,
  scoring,
  subjects,
)

# Of the workdir.
FOLDER = "completed"


class Scored(NamedTuple):
  """What became of all cases.

  Attributes:
    report: as `report.build` makes it.
    shown: the first completed pictures, `[H, W, 3] uint8` each.
  """

  report: dict[str, Any]
  shown: list[np.ndarray]


def score(
  name: str,
  subject: subjects.Subject,
  work: Sequence[cases.Case],
  loader: cases.Loader,
  *,
  folder: pathlib.Path,
  images: str,
  version: str,
  batch_size: int,
  show: int,
  scores: Mapping[str, scoring.Score] | None = None,
) -> Scored:
  """Completes all pictures, writes them and scores them.

  Args:
    name: of the method.
    subject: the method.
    work: all cases.
    loader: reads them as pictures of one size, with frozen masks.
    folder: of all methods and masks.
    images: where the pictures came from, for the report.
    version: of this package, likewise.
    batch_size: pictures at once.
    show: how many of the cases, the first ones, are returned too.
    scores: further ones, as for `scoring.score`.

  Raises:
    UserError: naming a file that cannot be read or written.
  """
  masks = loader.mask_set
  files = folder / masks.kind / name
  completed = terminal.progress(
    scoring.complete(work, loader, subject, batch_size=batch_size),
    total=len(work),
    name=f"{name}, {masks.kind}",
  )
  shown = []
  built = report.build(
    scoring.score(_kept(completed, files, shown, show), scores=scores),
    version=version,
    description=subject.description,
    images=images,
    masks={"name": masks.kind, "seed": masks.seed},
    size=loader.size,
  )
  report.write(files.with_name(f"{files.name}.json"), report.to_json(built))
  return Scored(built, shown)


def completed_path(
  workdir: str | os.PathLike[str], kind: str, name: str, case: cases.Case
) -> pathlib.Path:
  """Returns where a picture that a method completed is kept.

  Args:
    workdir: of the comparison.
    kind: of the masks.
    name: of the method.
    case: the picture.
  """
  return _path(pathlib.Path(workdir, FOLDER, kind, name), case)


def draw(
  work: Sequence[cases.Case],
  loaders: Sequence[cases.Loader],
  shown: Sequence[Mapping[str, Sequence[np.ndarray]]],
) -> bytes:
  """Returns the grid of the first pictures as PNG.

  Args:
    work: all cases.
    loaders: one for each kind of mask.
    shown: for each of these what `score` showed, by method.
  """
  rows = []
  for loader, by_method in zip(loaders, shown, strict=True):
    names, images = by_method.keys(), zip(*by_method.values(), strict=True)
    for case, completed in zip(work, images, strict=False):
      _, original, hole = loader.load(case)
      label = f"{loader.mask_set.kind}, {hole.mean():.0%}: {case.name}"
      panels = dict(zip(names, completed, strict=True))
      rows.append(comparison_grid.Shown(label, original, hole, panels))
  return output_files.to_png(comparison_grid.draw(rows))


def study_pictures(
  work: Sequence[cases.Case],
  loaders: Sequence[cases.Loader],
  places: Mapping[str, str],
  folder: pathlib.Path,
) -> dict[str, dict[str, bytes]]:
  """Returns {method or original: {case: PNG}} of the files that `score` wrote.

  A picture is in it once: a run of six, which has each of the hole fractions,
  with one kind of mask, the next six with the next.

  Args:
    work: the cases of the study.
    loaders: one for each kind of mask.
    places: what `score` was called with as `name`, by method.
    folder: as for `score`.
  """
  pictures = {name: {} for name in (comparison_grid.ORIGINAL, *places)}
  for i, case in enumerate(work):
    loader = loaders[i // len(frozen_masks.BINS) % len(loaders)]
    kind = loader.mask_set.kind
    key = f"{kind}/{case.name}"
    pictures[comparison_grid.ORIGINAL][key] = output_files.to_png(
      loader.image(case)
    )
    for name, place in places.items():
      pictures[name][key] = _path(folder / kind / place, case).read_bytes()
  return pictures


def _kept(
  completed: Iterable[scoring.Completed], folder, shown: list, most: int
) -> Iterator[scoring.Completed]:
  """Writes what passes, and lays the first so many into a list."""
  for entry in completed:
    path = _path(folder, entry.loaded.case)
    try:
      path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
      raise errors.UserError(
        f"{path.parent}: cannot be made ({error.strerror})"
      ) from error
    report.write(path, output_files.to_png(entry.image))
    if len(shown) < most:
      shown.append(entry.image)
    yield entry


def _path(folder, case) -> pathlib.Path:
  # Not with_suffix: a name may have a dot.
  return folder / f"{case.name}.png"
