"""Scores one subject after the other, all on the same terms."""

import contextlib
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import tqdm

from gatedinpaint_jax import errors
from gatedinpaint_jax.evaluation import (
  cases,
  contact_sheet,
  report,
  scoring,
  subjects,
)
from gatedinpaint_jax.inference import memory


class Evaluated(NamedTuple):
  """What was found of a subject.

  Attributes:
    report: as `report.build` makes it.
    labels: of the pictures to show, by the places of their cases.
    shown: what became of these pictures.
  """

  report: dict[str, Any]
  labels: dict[int, str]
  shown: dict[int, scoring.Completed]


class Evaluator(NamedTuple):
  """What is the same for all subjects.

  Attributes:
    loader: reads the cases.
    batch_size: pictures of one size at once.
    about: what the reports say of pictures and masks: `version`, `images`,
      `masks` and `fid_weights` of `report.build`.
    scores: further ones, as for `scoring.score`.
    features: likewise.
    names_bars: whether bars of progress say of which subject they are.
  """

  loader: cases.Loader
  batch_size: int
  about: Mapping[str, Any]
  scores: Mapping[str, scoring.Score]
  features: scoring.Features | None
  names_bars: bool

  def evaluate(
    self,
    request: subjects.Request,
    *,
    labels: dict[int, str] | None = None,
  ) -> Evaluated:
    """Loads a subject and scores it on all pictures.

    Args:
      request: of the subject.
      labels: of the pictures to show; None to show the best, median and worst.

    Raises:
      UserError: naming a file or a flag and what is wrong with it.
    """
    subject = subjects.load(request)
    result = self._score(request, subject)
    if labels is None:
      labels = contact_sheet.label(result.rows)
    shown = self._complete_again(request, subject, labels)
    built = report.build(
      result,
      description=subject.description,
      size=self.loader.size,
      **self.about,
    )
    return Evaluated(built, labels, shown)

  def _score(self, request, subject) -> scoring.Result:
    completed = scoring.complete(
      request.work,
      self.loader,
      subject,
      batch_size=self.batch_size,
    )
    with (
      self._advice(),
      tqdm.tqdm(
        completed,
        desc=request.name if self.names_bars else None,
        total=len(request.work),
        unit="picture",
        disable=None,  # not in a log file
      ) as bar,
    ):
      return scoring.score(bar, scores=self.scores, features=self.features)

  def _complete_again(
    self, request, subject, places: Collection[int]
  ) -> dict[int, scoring.Completed]:
    again = scoring.complete(
      request.work,
      self.loader,
      subject,
      batch_size=self.batch_size,
      only=places,
    )
    with self._advice():
      return {entry.loaded.case.index: entry for entry in again}

  @contextlib.contextmanager
  def _advice(self):
    """Says what can be done about a batch that does not fit in memory."""
    try:
      yield
    except memory.TooLargeError as error:
      smaller = "--batch_size or --size" if self.batch_size > 1 else "--size"
      raise errors.UserError(
        f"{error.need}; name a smaller {smaller}"
      ) from error
