"""Scores one subject after the other, all on the same terms."""

import contextlib
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from gatedinpaint_jax import errors, terminal
from gatedinpaint_jax.evaluation import (
  cases,
  contact_sheet,
  report,
  scoring,
  share,
  subjects,
)
from gatedinpaint_jax.inference import memory


class Evaluated(NamedTuple):
  """What was found of a subject.

  Attributes:
    report: as `report.build` makes it.
    labels: of the pictures to show, by the places of their cases.
    shown: what became of these pictures; empty but in the first process.
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
    of_process: the share of this process.
    names_bars: whether bars of progress say of which subject they are.
  """

  loader: cases.Loader
  batch_size: int
  about: Mapping[str, Any]
  scores: Mapping[str, scoring.Score]
  features: scoring.Features | None
  of_process: share.Share
  names_bars: bool

  def evaluate(
    self,
    request: subjects.Request,
    *,
    labels: dict[int, str] | None = None,
  ) -> Evaluated:
    """Loads a subject and scores it on all pictures, in all processes.

    Args:
      request: of the subject.
      labels: of the pictures to show; None to show the best, median and worst.

    Raises:
      UserError: naming a file or a flag and what is wrong with it.
    """
    subject = subjects.load(request)
    parts = self.of_process.gather(
      f"scores of {request.name}", lambda: self._score_own(request, subject)
    )
    result = scoring.join(parts)
    if labels is None:
      labels = contact_sheet.label(result.rows)
    shown = {}
    if self.of_process.is_first:
      shown = self._complete_again(request, subject, labels)
    built = report.build(
      result,
      description=subject.description,
      size=self.loader.size,
      **self.about,
    )
    return Evaluated(built, labels, shown)

  def _score_own(self, request, subject) -> dict[int, scoring.Scored]:
    completed = scoring.complete(
      request.work,
      self.loader,
      subject,
      batch_size=self.batch_size,
      of_process=self.of_process,
    )
    bar = terminal.progress(
      completed,
      total=scoring.count(
        request.work,
        self.loader,
        batch_size=self.batch_size,
        of_process=self.of_process,
      ),
      name=request.name if self.names_bars else "",
      is_shown=self.of_process.is_first,
    )
    with self._advice():
      return scoring.score_each(bar, scores=self.scores, features=self.features)

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
