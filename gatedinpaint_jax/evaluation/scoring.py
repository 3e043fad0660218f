"""Completes pictures in batches and scores them one at a time.

Scores do not depend on other pictures, but for the Frechet distance, which is
of all pictures together. The network of a checkpoint is compiled for a batch
size and a number of devices; with others, it may round differently.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from gatedinpaint_jax.evaluation import cases, frozen_masks, subjects
from gatedinpaint_jax.metrics import dataset_scores, fid


class Result(NamedTuple):
  """The scores of all pictures."""

  rows: list[dataset_scores.Row]  # one per picture, in the order of the cases
  mask_digest: str  # identifies the masks
  # Number of pictures with known pixels that differ from the original.
  changed: int
  # Between completed and original pictures, or None.
  frechet_distance: float | None


class Scorer(NamedTuple):
  """Completes and scores pictures, in the same way for all subjects."""

  loader: cases.Loader  # reads the cases
  batch_size: int = 1  # pictures of one size to complete at once
  # Additional scores of a completed and an original picture, by names from
  # `dataset_scores.UNITS`.
  scores: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] | None = None
  # From a picture to `[F]`, for the Frechet distance.
  features: Callable[[np.ndarray], np.ndarray] | None = None

  def complete(
    self,
    subject: subjects.Subject,
    work: Iterable[cases.Case],
    *,
    only: Container[int] | None = None,
  ) -> Iterator[cases.Loaded]:
    """Yields completed pictures, those of one size together.

    With `only`, completes the cases with these indices, in batches of the same
    size as for all.
    """
    groups = {}
    for case in work:
      groups.setdefault(self.loader.shape(case), []).append(case)
    for same_shape in groups.values():
      capacity = min(self.batch_size, len(same_shape))
      wanted = [c for c in same_shape if only is None or c.index in only]
      for start in range(0, len(wanted), capacity):
        batch = wanted[start : start + capacity]
        loaded = [self.loader.load(case) for case in batch]
        completed = subject.complete(loaded, capacity)
        for entry, image in zip(loaded, completed, strict=True):
          yield entry._replace(completed=image)

  def score(self, completed: Iterable[cases.Loaded]) -> Result:
    """Scores what `complete` yields, in any order."""
    rows, digests, features, changed = {}, {}, {}, 0
    for case, original, hole, image in completed:
      further = {
        name: score(image, original)
        for name, score in (self.scores or {}).items()
      }
      rows[case.index] = dataset_scores.score_picture(
        case.name, image, original, hole, further=further
      )
      digests[case.index] = frozen_masks.mask_digest(hole)
      changed += bool((image != original)[~hole].any())
      if self.features:
        features[case.index] = self.features(image), self.features(original)
    order = sorted(rows)
    distance = None
    if self.features:
      distance = fid.distance(
        *map(np.stack, zip(*(features[i] for i in order), strict=True))
      )
    return Result(
      [rows[i] for i in order],
      frozen_masks.set_digest(digests[i] for i in order),
      changed,
      distance,
    )
