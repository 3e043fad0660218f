"""Completes pictures batch by batch and scores each alone.

A picture's numbers depend on that picture. What does not end in a number for
each, the Frechet distance, gathers features one by one.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
  by_shape = {}
  for case in work:
    by_shape.setdefault(loader.shape(case), []).append(case)
  for same_shape in by_shape.values():
    capacity = min(batch_size, len(same_shape))
    wanted = [c for c in same_shape if only is None or c.index in only]
    for start in range(0, len(wanted), capacity):
      batch = wanted[start : start + capacity]
      loaded = [loader.load(case) for case in batch]
      images = subject.complete(loaded, capacity)
      yield from map(Completed, loaded, images)


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
  found, changed = {}, 0
  ours, theirs = [], []
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
    found[case.index] = row, frozen_masks.mask_digest(hole)
    changed += bool((image != original)[~hole].any())
    if features is not None:
      ours.append(features(image))
      theirs.append(features(original))
  ordered = [found[index] for index in sorted(found)]
  distance = None
  if features is not None:
    distance = frechet.distance(np.stack(ours), np.stack(theirs))
  return Result(
    [row for row, _ in ordered],
    frozen_masks.set_digest(digest for _, digest in ordered),
    changed,
    distance,
  )
