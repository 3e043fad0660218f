"""Completes pictures batch by batch and scores each alone.

How a completed picture scores depends on that picture alone, and so does how a
method completes it. A checkpoint's network is another program for another batch
size or number of devices, which may round a level of 255 otherwise. What does
not end in a number for each picture, the Frechet distance, gathers features one
by one.
"""

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gatedinpaint_jax.evaluation import (
  cases,
  frozen_masks,
  share,
  subjects,
)
from gatedinpaint_jax.metrics import dataset_scores, frechet

# Takes a completed and an original picture, `[H, W, 3] uint8`.
Score = Callable[[np.ndarray, np.ndarray], float]
# Takes a picture `[H, W, 3] uint8`, returns `[F]`.
Features = Callable[[np.ndarray], np.ndarray]


class Completed(NamedTuple):
  """A case and what became of it.

  Attributes:
    loaded: the case.
    image: `[H, W, 3] uint8`, completed.
  """

  loaded: cases.Loaded
  image: np.ndarray


class Scored(NamedTuple):
  """What is kept of one picture.

  Attributes:
    row: its scores.
    mask_digest: of its mask.
    is_changed: whether known pixels are not those of the original.
    features: of the completed and the original picture, `[F]` each, or None.
  """

  row: dataset_scores.Row
  mask_digest: str
  is_changed: bool
  features: tuple[np.ndarray, np.ndarray] | None


class Result(NamedTuple):
  """The scores of all pictures.

  Attributes:
    rows: one for each, in the order of the cases.
    mask_digest: names the masks.
    changed: pictures whose known pixels are not those of the original.
    frechet_distance: between completed and original pictures, or None.
  """

  rows: list[dataset_scores.Row]
  mask_digest: str
  changed: int
  frechet_distance: float | None


def complete(
  work: Sequence[cases.Case],
  loader: cases.Loader,
  subject: subjects.Subject,
  *,
  batch_size: int,
  only: Collection[int] | None = None,
  of_process: share.Share = share.WHOLE,
) -> Iterator[Completed]:
  """Yields the completed pictures, those of one size together.

  Args:
    work: all cases.
    loader: reads them.
    subject: completes them.
    batch_size: pictures of one size at once.
    only: places of the cases that are wanted, completed as if all were; None
      for all of them.
    of_process: which of the batches are yielded.

  Raises:
    UserError: naming a file and what is wrong with it.
  """
  for batch, capacity in _batches(work, loader, batch_size, only, of_process):
    loaded = [loader.load(case) for case in batch]
    images = subject.complete(loaded, capacity)
    yield from map(Completed, loaded, images)


def count(
  work: Sequence[cases.Case],
  loader: cases.Loader,
  *,
  batch_size: int,
  of_process: share.Share,
) -> int:
  """Returns how many pictures `complete` yields."""
  batches = _batches(work, loader, batch_size, None, of_process)
  return sum(len(batch) for batch, _ in batches)


def score(
  completed: Iterator[Completed],
  *,
  scores: Mapping[str, Score] | None = None,
  features: Features | None = None,
) -> Result:
  """Scores completed pictures.

  Args:
    completed: as `complete` yields them, in any order.
    scores: further ones of whole pictures, by their names in
      `dataset_scores.UNITS`.
    features: of the Frechet distance, or None for no such distance.
  """
  return join([score_each(completed, scores=scores, features=features)])


def score_each(
  completed: Iterator[Completed],
  *,
  scores: Mapping[str, Score] | None = None,
  features: Features | None = None,
) -> dict[int, Scored]:
  """Returns what `join` needs of each picture, by the place of its case.

  Args:
    completed: as for `score`, of some of the cases.
    scores: as for `score`.
    features: as for `score`.
  """
  found = {}
  for (case, original, hole), image in completed:
    row = dataset_scores.score(
      case.name,
      image,
      original,
      hole,
      further={
        name: function(image, original)
        for name, function in (scores or {}).items()
      },
    )
    found[case.index] = Scored(
      row,
      frozen_masks.mask_digest(hole),
      bool((image != original)[~hole].any()),
      features and (features(image), features(original)),
    )
  return found


def join(parts: Sequence[Mapping[int, Scored]]) -> Result:
  """Returns the scores of all pictures, from those of some of them.

  Args:
    parts: as `score_each` returns them; of no picture twice.
  """
  found = {index: entry for part in parts for index, entry in part.items()}
  ordered = [found[index] for index in sorted(found)]
  distance = None
  if ordered[0].features is not None:
    ours, theirs = zip(*(entry.features for entry in ordered), strict=True)
    distance = frechet.distance(np.stack(ours), np.stack(theirs))
  return Result(
    [entry.row for entry in ordered],
    frozen_masks.set_digest(entry.mask_digest for entry in ordered),
    sum(entry.is_changed for entry in ordered),
    distance,
  )


def _batches(work, loader, batch_size, only, of_process):
  """Yields the cases of each batch of a process, and what it has room for."""
  by_shape = {}
  for case in work:
    by_shape.setdefault(loader.shape(case), []).append(case)
  place = itertools.count()
  for same_shape in by_shape.values():
    capacity = min(batch_size, len(same_shape))
    wanted = [c for c in same_shape if only is None or c.index in only]
    for start in range(0, len(wanted), capacity):
      if of_process.has(next(place)):
        yield wanted[start : start + capacity], capacity
