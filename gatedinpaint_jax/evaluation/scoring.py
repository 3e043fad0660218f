"""Completes pictures batch by batch and scores each alone.

How a completed picture scores depends on that picture alone, and so does how a
method completes it. A checkpoint's network is another program for another batch
size or number of devices, which may round a level of 255 otherwise. What does
not end in a number for each picture, the Frechet distance, gathers features one
by one.
"""

from collections.abc import (
  Callable,
  Collection,
  Iterable,
  Iterator,
  Mapping,
  Sequence,
)
from typing import NamedTuple

import numpy as np

from gatedinpaint_jax.evaluation import cases, frozen_masks, subjects
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
) -> Iterator[Completed]:
  """Yields the completed pictures, those of one size together.

  Args:
    work: all cases.
    loader: reads them.
    subject: completes them.
    batch_size: pictures of one size at once.
    only: places of the cases that are wanted, completed as if all were; None
      for all of them.

  Raises:
    UserError: naming a file and what is wrong with it.
  """
  for batch, capacity in _batches(work, loader, batch_size, only):
    loaded = [loader.load(case) for case in batch]
    images = subject.complete(loaded, capacity)
    yield from map(Completed, loaded, images)


def score(
  completed: Iterable[Completed],
  *,
  scores: Mapping[str, Score] | None = None,
  features: Features | None = None,
) -> Result:
  """Scores completed pictures, given in any order.

  Args:
    completed: as `complete` yields them.
    scores: further ones of whole pictures, by their names in
      `dataset_scores.UNITS`.
    features: of the Frechet distance, or None for no such distance.
  """
  found = sorted(
    (_score_one(entry, scores or {}, features) for entry in completed),
    key=lambda scored: scored.index,
  )
  distance = None
  if features:
    ours, theirs = zip(*(entry.features for entry in found), strict=True)
    distance = frechet.distance(np.stack(ours), np.stack(theirs))
  return Result(
    [entry.row for entry in found],
    frozen_masks.set_digest(entry.mask_digest for entry in found),
    sum(entry.is_changed for entry in found),
    distance,
  )


class _Scored(NamedTuple):
  """What is kept of one picture; features are of both its forms, or None."""

  index: int
  row: dataset_scores.Row
  mask_digest: str
  is_changed: bool
  features: tuple[np.ndarray, np.ndarray] | None


def _score_one(completed, scores, features) -> _Scored:
  (case, original, hole), image = completed
  further = {name: score(image, original) for name, score in scores.items()}
  return _Scored(
    case.index,
    dataset_scores.score(case.name, image, original, hole, further=further),
    frozen_masks.mask_digest(hole),
    bool((image != original)[~hole].any()),
    features and (features(image), features(original)),
  )


def _batches(work, loader, batch_size, only):
  """Yields the cases of each batch, and how many it has room for."""
  by_shape = {}
  for case in work:
    by_shape.setdefault(loader.shape(case), []).append(case)
  for same_shape in by_shape.values():
    capacity = min(batch_size, len(same_shape))
    wanted = [c for c in same_shape if only is None or c.index in only]
    for start in range(0, len(wanted), capacity):
      yield wanted[start : start + capacity], capacity
