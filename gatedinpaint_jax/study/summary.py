"""Means of a user study's answers, with intervals, as JSON and as tables.

Answers of one rater are correlated, since some people rate low, and so are
answers to one case, since some scenes are hard. Raters and cases are both
samples, so the bootstrap resamples both, with all their answers. Resampling
only one of them gives intervals that are far too narrow: in simulations with 20
raters and 30 cases, 84 (raters) or 78 (cases) of 100 contained the mean, and 94
with both. Intervals are also too narrow with few of either: 89 of 100 with 5
raters, 77 with 2.

Source: Owen 2007, The pigeonhole bootstrap.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from gatedinpaint_jax.evaluation import report
from gatedinpaint_jax.metrics import intervals
from gatedinpaint_jax.study import answers as study_answers

_DIGITS = 4
# With fewer raters or cases, intervals are far too narrow; see above.
_ENOUGH = 10


def summarise(
  answers: study_answers.Answers, key: study_answers.Key
) -> dict[str, Any]:
  """Returns the content of the JSON file.

  {"methods": {method: {mean, low, high, ratings, raters}}, from best to worst,
  "differences": [{first, second, mean, low, high, pairs}], ...}. `low` and
  `high` bound the mean with 95 % confidence, and are null with a single rater
  and case. A difference is between two ratings by one rater of one case;
  without any, its numbers are null.
  """
  table = _Table(answers, key)
  methods = {}
  for method, ratings in table.ratings.items():
    raters = int(np.isfinite(ratings).any(axis=1).sum())
    methods[method] = table.mean(ratings, "ratings") | {"raters": raters}
  # Methods without ratings come last.
  ranked = sorted(methods, key=lambda name: -(methods[name]["mean"] or 0))
  return {
    "study": key.study,
    "title": key.title,
    "ratings": len(answers.given),
    "of_ratings": len(table.raters) * len(key.pictures),
    "replaced": answers.replaced,
    "cases": len(table.cases),
    "drawn_again": table.drawn_again,
    "methods": {method: methods[method] for method in ranked},
    "differences": [
      {
        "first": first,
        "second": second,
        # NaN unless one rater rated both for one case.
        **table.mean(table.ratings[first] - table.ratings[second], "pairs"),
      }
      for first, second in itertools.combinations(ranked, 2)
    ],
    "raters": _describe_raters(answers),
  }


def to_markdown(summary: Mapping[str, Any]) -> str:
  """Returns the tables of a summary."""
  blocks = [
    f"# {summary['title']}",
    f"Naturalness from 1 to 10. Raters: {len(summary['raters'])}; cases: "
    f"{summary['cases']}; ratings: {summary['ratings']} of "
    f"{summary['of_ratings']}; study `{summary['study']}`. "
    f"{_about_intervals(summary)}",
    report.table(
      ["Method", "Mean", "Ratings", "Raters"],
      (
        [
          method,
          report.format_interval(entry, number="{:.2f}".format),
          entry["ratings"],
          entry["raters"],
        ]
        for method, entry in summary["methods"].items()
      ),
    ),
  ]
  if summary["differences"]:
    blocks += [
      "Differences between two ratings by one rater of one case, each with its "
      "own interval:",
      report.table(
        ["Methods", "Mean difference", "Pairs", "Result"],
        map(_difference_row, summary["differences"]),
      ),
    ]
  if summary["replaced"]:
    blocks.append(
      "Replaced by a later rating of the same rater and picture: "
      f"{summary['replaced']}. If two people share an alias, rename one."
    )
  return report.page(blocks)


class _Table:
  """Ratings as arrays, and their means."""

  def __init__(self, answers, key):
    # Names; cases are those with answers.
    self.raters = sorted({rater for rater, _ in answers.given})
    self.cases = sorted(
      {key.pictures[picture][1] for _, picture in answers.given}
    )
    methods = sorted({method for method, _ in key.pictures.values()})
    shape = len(self.raters), len(self.cases)
    # NaN where missing.
    self.ratings = {method: np.full(shape, np.nan) for method in methods}
    for (rater, picture), answer in answers.given.items():
      method, case = key.pictures[picture]
      place = self.raters.index(rater), self.cases.index(case)
      self.ratings[method][place] = answer.rating
    # By the bootstrap: "raters and cases", one of them, or "".
    self.drawn_again = " and ".join(
      word
      for word, names in (("raters", self.raters), ("cases", self.cases))
      if len(names) > 1
    )
    generator = np.random.default_rng(0)
    # How often each is drawn; all methods share the draws.
    self._weights = [
      generator.multinomial(size, np.full(size, 1 / size), intervals.RESAMPLES)
      for size in shape
    ]

  def mean(self, values, count_name) -> dict[str, Any]:
    """Returns mean, interval and count of `[raters, cases]`, ignoring NaN."""
    is_rated = np.isfinite(values)
    mean = low = high = None
    if is_rated.any():
      mean = float(values[is_rated].mean())
    if is_rated.any() and self.drawn_again:
      sums, counts = (
        ((self._weights[0] @ part) * self._weights[1]).sum(axis=1)
        for part in (np.where(is_rated, values, 0), is_rated.astype(float))
      )
      # With few answers, a resample may have none.
      has_any = counts > 0
      low, high = intervals.percentiles(sums[has_any] / counts[has_any])
    numbers = {"mean": mean, "low": low, "high": high}
    rounded = {k: v and round(v, _DIGITS) for k, v in numbers.items()}
    return rounded | {count_name: int(is_rated.sum())}


def _describe_raters(answers) -> dict[str, Any]:
  """Returns for each rater what shows how carefully they rated."""
  by_rater: dict[str, list[study_answers.Answer]] = {}
  for (rater, _), answer in sorted(answers.given.items()):
    by_rater.setdefault(rater, []).append(answer)
  return {
    rater: {
      "ratings": len(given),
      "mean": round(float(np.mean([a.rating for a in given])), _DIGITS),
      "median_seconds": float(np.median([a.seconds for a in given])),
    }
    for rater, given in by_rater.items()
  }


def _about_intervals(summary) -> str:
  drawn = summary["drawn_again"]
  if not drawn:
    return "There are no intervals with a single rater and case."
  words = (
    f"In brackets: {100 * intervals.CONFIDENCE:.0f} % intervals of a bootstrap "
    f"over {drawn}."
  )
  for word, count in (
    ("rater", len(summary["raters"])),
    ("case", summary["cases"]),
  ):
    if count == 1:
      words += f" A single {word} says nothing about others."
    elif count < _ENOUGH:
      words += f" With fewer than {_ENOUGH} {word}s they are too narrow."
  return words


def _difference_row(entry) -> list:
  names = f"{entry['first']} - {entry['second']}"
  cell = report.format_interval(entry, number="{:+.2f}".format)
  return [names, cell, entry["pairs"], _verdict(entry)]


def _verdict(entry) -> str:
  """Returns which of two methods is better, if the interval excludes 0."""
  if entry["low"] is None:
    return ""
  if entry["low"] > 0:
    return f"{entry['first']} is better"
  if entry["high"] < 0:
    return f"{entry['second']} is better"
  return "undecided"
