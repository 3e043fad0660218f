"""Completes pictures batch by batch and scores each alone.

A method completes and is scored on each picture independently of the others.
Only the network of a checkpoint is another program for another batch size or
number of devices, which may round to another level of 255. The Frechet distance
is of all pictures together; their features are computed one by one.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from gatedinpaint_jax.evaluation import cases, frozen_masks, subjects
from gatedinpaint_jax.metrics import dataset_scores, frechet

# Takes a completed and an original picture, `[H, W, 3] uint8`.
Score = Callable[[np.ndarray, np.ndarray], float]
# Takes a picture `[H, W, 3] uint8`, returns `[F]`.
Features = Callable[[np.ndarray], np.ndarray]


class Completed(NamedTuple):
  """A case and its completed picture, `[H, W, 3] uint8`."""

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


class Scorer(NamedTuple):
  """Completes and scores on the same terms whatever the subject.

  Attributes:
    loader: reads the cases.
    batch_size: pictures of one size to complete at once.
    scores: further scores of entire pictures, by their names in
      `dataset_scores.UNITS`.
    features: of the Frechet distance; None for no such distance.
  """

  loader: cases.Loader
  batch_size: int = 1
  scores: Mapping[str, Score] | None = None
  features: Features | None = None

  def complete(
    self,
    subject: subjects.Subject,
    work: Iterable[cases.Case],
    *,
    only: Container[int] | None = None,
  ) -> Iterator[Completed]:
    """Yields completed pictures, those of one size together.

    Args:
      subject: what completes them.
      work: all cases.
      only: indices of the cases that are wanted, in batches as large as if all
        were; None for all.

    Raises:
      UserError: naming a file and what is wrong with it.
    """
    by_shape = {}
    for case in work:
      by_shape.setdefault(self.loader.shape(case), []).append(case)
    for same_shape in by_shape.values():
      capacity = min(self.batch_size, len(same_shape))
      wanted = [c for c in same_shape if only is None or c.index in only]
      for start in range(0, len(wanted), capacity):
        batch = wanted[start : start + capacity]
        loaded = [self.loader.load(case) for case in batch]
        yield from map(Completed, loaded, subject.complete(loaded, capacity))

  def score(self, completed: Iterable[Completed]) -> Result:
    """Scores what `complete` yields, in any order."""
    found = sorted(map(self._score_one, completed), key=lambda one: one.index)
    distance = None
    if self.features:
      ours, theirs = zip(*(one.features for one in found), strict=True)
      distance = frechet.distance(np.stack(ours), np.stack(theirs))
    return Result(
      [one.row for one in found],
      frozen_masks.set_digest(one.mask_digest for one in found),
      sum(one.is_changed for one in found),
      distance,
    )

  def _score_one(self, completed):
    (case, original, hole), image = completed
    further = {
      name: score(image, original)
      for name, score in (self.scores or {}).items()
    }
    return _Scored(
      case.index,
      dataset_scores.score_picture(
        case.name, image, original, hole, further=further
      ),
      frozen_masks.mask_digest(hole),
      bool((image != original)[~hole].any()),
      self.features and (self.features(image), self.features(original)),
    )


class _Scored(NamedTuple):
  """What is kept of one picture; features of it and of its original."""

  index: int
  row: dataset_scores.Row
  mask_digest: str
  is_changed: bool
  features: tuple[np.ndarray, np.ndarray] | None
