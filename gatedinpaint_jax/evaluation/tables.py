"""Tables of scores in Markdown: their titles, numbers and intervals.

A summary is the mean of one score, as `dataset_scores.summarise` makes it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gatedinpaint_jax.metrics import dataset_scores

Summary = Mapping[str, Any]

# Of tables that have a column for each score.
SCORES = ("relative_l1", "relative_l2", "psnr", "ssim", "lpips")
COUNTS = (
  "(n of N): the mean is over n of N pictures. The others have no hole or no "
  "finite score, as an equal picture has no PSNR."
)
_TITLES = {
  "relative_l1": "relative l1",
  "relative_l2": "relative l2",
  "psnr": "PSNR",
  "ssim": "SSIM",
  "total_variation": "total variation",
  "original_total_variation": "total variation of the originals",
  "lpips": "LPIPS",
}


def title(score: str, *, of_difference: bool = False) -> str:
  """Returns what to call a score, with its unit."""
  unit = dataset_scores.UNITS[score].name
  if of_difference and unit == "%":
    unit = "points"  # 2 % minus 1 % is not 1 % of anything
  return _TITLES.get(score, score) + (f", {unit}" if unit else "")


def number(value: float, *, signed: bool = False) -> str:
  """Returns four digits of a number."""
  return f"{value:{'+' if signed else ''}#.4g}".rstrip(".")


def interval(
  summary: Summary | None, *, signed: bool = False, flip: bool = False
) -> str:
  """Returns a mean with its interval.

  Args:
    summary: None, or without a mean, becomes nothing.
    signed: with + where it is positive.
    flip: of the other sign.
  """
  if summary is None or summary["mean"] is None:
    return ""
  mean, low, high = (summary[key] for key in ("mean", "low", "high"))
  if flip:
    mean, low, high = -mean, -high, -low
  mean, low, high = (number(v, signed=signed) for v in (mean, low, high))
  return f"{mean} [{low}, {high}]"


def counted(summary: Summary | None, *, signed: bool = False) -> str:
  """Returns `interval` and, if not over all pictures, over how many."""
  words = [interval(summary, signed=signed)]
  if is_of_some(summary):
    words.append(f"({summary['pictures']} of {summary['of_pictures']})")
  return " ".join(filter(None, words))


def is_of_some(summary: Summary | None) -> bool:
  """Returns whether a mean leaves pictures out."""
  return bool(summary) and summary["pictures"] < summary["of_pictures"]


def any_of_some(part: Mapping[str, Summary]) -> bool:
  """Returns whether any mean over one part of the pictures does."""
  return any(map(is_of_some, part.values()))


def row(cells: Sequence[Any]) -> str:
  """Returns a line of a table."""
  # Names of files may have what divides cells.
  safe = [str(cell).replace("|", r"\|") for cell in cells]
  return f"| {' | '.join(safe)} |"


def head(cells: Sequence[str]) -> list[str]:
  """Returns the first two lines of a table."""
  return [row(cells), "|" + "---|" * len(cells)]


def by_name(
  summaries: Mapping[str, Mapping[str, Mapping[str, Summary]]],
  part: str,
  *,
  corner: str,
  of_difference: bool = False,
  last: Mapping[str, Mapping[str, str]] | None = None,
) -> list[str]:
  """Returns a table with one row for each name.

  Args:
    summaries: `dataset_scores.summarise` by name.
    part: "whole" or "hole".
    corner: what the names are of.
    of_difference: numbers are differences: signed, and percents are points.
    last: further columns, {title: {name: cell}}.
  """
  scores = [
    score
    for score in SCORES
    if any(score in s[part] for s in summaries.values())
  ]
  last = last or {}
  titles = [title(score, of_difference=of_difference) for score in scores]
  lines = head([corner, *titles, *last])
  for name, summary in summaries.items():
    cells = [
      counted(summary[part].get(s), signed=of_difference) for s in scores
    ]
    lines.append(
      row([name, *cells, *(column[name] for column in last.values())])
    )
  return lines
