"""Completes pictures in batches and scores them one at a time.

Scores do not depend on other pictures, but for the Frechet distance, which is
of all pictures together. The network of a checkpoint is compiled for a batch
size and a number of devices; with others, it may round differently.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from gatedinpaint_jax.evaluation import cases, frozen_masks, subjects
from gatedinpaint_jax.metrics import dataset_scores, fid


class Result(NamedTuple):
  """The scores of all pictures."""

  rows: list[dataset_scores.Row]  # one per picture, in the order of the cases
  mask_digest: str  # identifies the masks
  changed: int  # pictures with known pixels that differ from the original
  frechet_distance: float | None  # between completed and original pictures


class Scorer(NamedTuple):
  """Completes and scores pictures, in the same way for all subjects."""

  loader: cases.Loader  # reads the cases
  batch_size: int = 1  # pictures of one size to complete at once
  # From a completed and an original picture to their LPIPS.
  lpips: Callable[[np.ndarray, np.ndarray], float] | None = None
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
    scored, changed = [], 0
    for case, original, hole, image in completed:
      row = dataset_scores.score_picture(case.name, image, original, hole)
      if self.lpips:
        row.whole["lpips"] = self.lpips(image, original)
      features = self.features and list(map(self.features, (image, original)))
      digest = frozen_masks.mask_digest(hole)
      scored.append((case.index, row, digest, features))
      changed += bool((image != original)[~hole].any())
    _, rows, digests, features = zip(*sorted(scored), strict=True)
    distance = None
    if self.features:
      distance = fid.distance(*np.stack(features, axis=1))
    mask_digest = frozen_masks.set_digest(digests)
    return Result(list(rows), mask_digest, changed, distance)
