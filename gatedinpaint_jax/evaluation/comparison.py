"""Compares several subjects on the same pictures and masks.

Pictures differ more than methods do, so the intervals of two means say little
about which method is better. Instead, differences are taken per picture, and
their mean has an interval of its own: over pictures and, for methods trained
with several seeds, over seeds. With one seed, the interval does not include how
much another training run would differ.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gatedinpaint_jax.evaluation import report as report_lib
from gatedinpaint_jax.metrics import dataset_scores

# Scores that decide an order: the paper's l1 error as we read it, and LPIPS if
# it was computed.
_JUDGED_BY = {"relative_l1": "l1", "lpips": "LPIPS"}
_MEANINGS = {
  "holds": "{less} has less than {more} by {difference}: the order holds.",
  "undecided": "{more} minus {less} is {difference}, an interval that contains "
  "0: the order is undecided.",
  "reversed": "{less} has more than {more} by {difference}: the order is "
  "reversed.",
}
_PARTS = {"whole": "the entire picture", "hole": "the hole"}
# The only score in the table of hole fractions.
_BIN_SCORE = "relative_l1"

Report = Mapping[str, Any]  # from `report.build`


def compare(
  reports: Mapping[str, Sequence[Report]], *, order: Sequence[str]
) -> dict[str, Any]:
  """Compares methods on one set of masks.

  Args:
    reports: of each method, one per seed; methods with several have the same.
    order: methods expected from the lowest to the highest error. The first is
      compared with every other method.

  Returns:
    The content of the JSON file: the masks; `scores` of each method and
    `differences`, each other method minus the first, both as returned by
    `dataset_scores.summarise`; `order`: for each two consecutive methods and
    each judging score, the `difference`, more minus less, and `verdict`.
  """
  masks = [report["masks"] for runs in reports.values() for report in runs]
  if any(other != masks[0] for other in masks):
    raise ValueError(f"reports of different masks: {masks}")
  first = order[0]
  return {
    "masks": masks[0],
    "pictures": reports[first][0]["pictures"],
    **{k: v for k, v in reports[first][0].items() if k == "values"},
    "known_pixels_changed": {
      name: sum(report["known_pixels_changed"] for report in runs)
      for name, runs in reports.items()
    },
    "scores": {name: _scores(runs) for name, runs in reports.items()},
    "differences_to": first,
    "differences": {
      name: difference(runs, reports[first])
      for name, runs in reports.items()
      if name != first
    },
    "order": [
      {"score": score, "less": less, "more": more, **judged}
      for less, more in itertools.pairwise(order)
      for score, judged in _judge(reports[less], reports[more])
    ],
  }


def difference(
  runs: Sequence[Report], others: Sequence[Report]
) -> dict[str, dict[str, Any]]:
  """Returns `dataset_scores.summarise` of one method minus another.

  Differences are taken per picture and between runs of the same seed. A method
  with a single report is paired with every report of the other.
  """
  count = max(len(runs), len(others))
  ours, theirs = (
    [_rows(report) for report in reports] * (count if len(reports) == 1 else 1)
    for reports in (runs, others)
  )
  return dataset_scores.summarise(
    *(dataset_scores.subtract(*pair) for pair in zip(ours, theirs, strict=True))
  )


def verdict(low: float | None, high: float | None) -> str:
  """Returns whether the interval of a difference, if any, is above 0."""
  if low is None or low <= 0 <= high:
    return "undecided"
  return "holds" if low > 0 else "reversed"


def build(reports: Mapping[str, Report]) -> Report:
  """Returns the JSON of `evaluate`: the report of a single subject.

  For several subjects, {"subjects": reports, "comparison": with the first}.
  """
  first, *others = reports
  if not others:
    return reports[first]
  runs = {name: [report] for name, report in reports.items()}
  return {"subjects": dict(reports), "comparison": compare(runs, order=[first])}


def to_markdown(content: Report) -> str:
  """Returns the tables of what `build` returns."""
  if "subjects" not in content:
    return report_lib.to_markdown(content)
  compared = content["comparison"]
  reports = {
    name if r.get("step") is None else f"{name}, step {r['step']}": r
    for name, r in content["subjects"].items()
  }
  first = next(iter(reports.values()))
  scores = {label: report_lib.scores_of(r) for label, r in reports.items()}
  parts = [part for part in _PARTS if first["scores"][part]]
  blocks = ["# Side by side", report_lib.describe_pictures(first)]
  for part in parts:
    blocks.append(f"Over {_PARTS[part]}:")
    blocks.append(report_lib.score_table(scores, part, corner="Subject"))
  blocks += data_units_blocks(scores)
  for part in parts:
    blocks.append(f"## Differences over {_PARTS[part]}")
    blocks += difference_blocks(compared, part, corner="Subject")
  blocks += _bin_blocks(reports)
  notes = [n for r in reports.values() for n in report_lib.notes_on_numbers(r)]
  blocks += dict.fromkeys(notes)
  blocks += [
    f"{name} changed known pixels in {count} pictures."
    for name, count in compared["known_pixels_changed"].items()
    if count
  ]
  return report_lib.page(blocks)


def difference_blocks(
  compared: Mapping[str, Any], part: str, *, corner: str
) -> list[str]:
  """Returns an explanation and the table of differences from `compare`."""
  first, differences = compared["differences_to"], compared["differences"]
  if not differences:
    return []
  has_lpips = any("lpips" in entry[part] for entry in differences.values())
  errors = "l1, l2 and LPIPS" if has_lpips else "l1 and l2"
  return [
    f"Each minus {first}, picture by picture; {first} is better where {errors} "
    "are above 0, and PSNR and SSIM below:",
    report_lib.score_table(
      differences, part, corner=corner, are_differences=True
    ),
  ]


def data_units_blocks(
  summaries: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> list[str]:
  """Returns the table of the errors in the units of the data, if any.

  It has a row for each error and a column for each name of `score_table`.
  """
  holes = {name: summary["hole"] for name, summary in summaries.items()}
  scores = dict.fromkeys(
    score
    for own in holes.values()
    for score in filter(dataset_scores.is_in_data_units, own)
  )
  if not scores:
    return []
  rows = (
    [
      report_lib.score_title(score),
      *(report_lib.format_summary(h.get(score)) for h in holes.values()),
    ]
    for score in scores
  )
  return [
    "In the hole, in the units of the data:",
    report_lib.table(["Score", *holes], rows),
  ]


def order_lines(compared: Mapping[str, Any]) -> list[str]:
  """Returns a sentence for each two methods with an expected order."""
  lines = []
  for pair in compared["order"]:
    less, more, found = pair["less"], pair["more"], pair["verdict"]
    title = report_lib.score_title(pair["score"], is_difference=True)
    size = report_lib.format_interval(
      pair["difference"], flip=found == "reversed"
    )
    size = " ".join(filter(None, (size, title.partition(", ")[2])))  # its unit
    meaning = _MEANINGS[found].format(less=less, more=more, difference=size)
    lines.append(f"{less} < {more} in {_JUDGED_BY[pair['score']]}: {meaning}")
  return lines


def _judge(less, more) -> Iterator[tuple[str, dict[str, Any]]]:
  for score, found in difference(more, less)["whole"].items():
    if score in _JUDGED_BY:
      decided = verdict(found["low"], found["high"])
      yield score, {"difference": found, "verdict": decided}


def _scores(runs) -> dict[str, dict[str, Any]]:
  """Returns the scores of a method over all of its runs."""
  if len(runs) == 1:
    return runs[0]["scores"]
  return dataset_scores.summarise(*map(_rows, runs))


def _rows(report) -> list[dataset_scores.Row]:
  return [dataset_scores.Row(**row) for row in report["rows"]]


def _bin_blocks(reports) -> list[str]:
  """Returns the table by hole fraction; the masks, so the bins, are equal."""
  heads = [
    "{}-{} % ({})".format(*entry["hole_percent"], entry["pictures"])
    for entry in next(iter(reports.values()))["bins"]
  ]
  rows = [
    [
      label,
      *(
        report_lib.format_summary(entry["whole"].get(_BIN_SCORE))
        for entry in report["bins"]
      ),
    ]
    for label, report in reports.items()
  ]
  title = report_lib.score_title(_BIN_SCORE).capitalize()
  return [
    f"{title}, over the entire picture, by hole fraction (pictures):",
    report_lib.table(["Subject", *heads], rows),
  ]
