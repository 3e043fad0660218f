"""Completes pictures in batches and scores them one at a time.

Scores do not depend on other pictures, but for the Frechet distance, which is
of all pictures together. The network of a checkpoint is compiled for a batch
size and a number of devices; with others, it may round differently.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from gatedinpaint_jax import errors, visualize
from gatedinpaint_jax.evaluation import cases, frozen_masks, subjects
from gatedinpaint_jax.metrics import dataset_scores, fid


class Result(NamedTuple):
  """The scores of all pictures."""

  rows: list[dataset_scores.Row]  # one per picture, in the order of the cases
  mask_digest: str  # identifies the masks
  changed: int  # pictures with known pixels that differ from the original
  frechet_distance: float | None  # between completed and original pictures
  types: tuple[str, ...] = ("uint8",)  # of the pictures' values


class Scorer(NamedTuple):
  """Completes and scores pictures, in the same way for all subjects."""

  loader: cases.Loader  # reads the cases
  batch_size: int = 1  # pictures of one size to complete at once
  # From a completed and an original picture, as shown, to their LPIPS.
  lpips: Callable[[np.ndarray, np.ndarray], float] | None = None
  # From a picture, as shown, to `[F]`, for the Frechet distance.
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
        for dtype in dict.fromkeys(entry.image.dtype for entry in loaded):
          same = [entry for entry in loaded if entry.image.dtype == dtype]
          completed = subject.complete(same, capacity)
          for entry, image in zip(same, completed, strict=True):
            yield entry._replace(completed=image)

  def score(self, completed: Iterable[cases.Loaded]) -> Result:
    """Scores what `complete` yields, in any order.

    Raises:
      UserError: if a completed picture has no data in the hole.
    """
    values, scored, changed, types = self.loader.values, [], 0, {}
    for case, original, hole, missing, image in completed:
      if values.is_missing(image)[hole].any():
        raise errors.UserError(
          f"{case.completed or case.name}: has no data in parts of the hole,"
          " and cannot be scored; fill it all"
        )
      row = dataset_scores.score_picture(
        case.name, image, original, hole, missing, values=values
      )
      features = None
      if self.lpips or self.features:
        scale = visualize.fit_scale([original], values)
        drawn = scale.draw(image), scale.draw(original)
        if self.lpips:
          row.whole["lpips"] = self.lpips(*drawn)
        features = self.features and list(map(self.features, drawn))
      digest = frozen_masks.mask_digest(hole)
      scored.append((case.index, row, digest, features))
      # Where the original has no data, anything goes.
      changed += bool((image != original)[~(hole | missing)].any())
      types[original.dtype.name] = None
    _, rows, digests, features = zip(*sorted(scored), strict=True)
    if len(types) > 1 and not values.ranges:  # each has units of its own
      rows = map(dataset_scores.without_data_units, rows)
    distance = None
    if self.features:
      distance = fid.distance(*np.stack(features, axis=1))
    mask_digest = frozen_masks.set_digest(digests)
    return Result(list(rows), mask_digest, changed, distance, tuple(types))
