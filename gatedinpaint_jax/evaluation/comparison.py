"""Several subjects on the same pictures and masks, compared in each picture.

Pictures differ more than methods do, so the intervals of two means say little
about which is better. Differences are taken in each picture first, and their
mean has an interval of its own, over pictures and, where a method was trained
with several seeds, over these too. With one seed, how far another training
would end up is not in it.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gatedinpaint_jax.evaluation import report as report_lib
from gatedinpaint_jax.metrics import dataset_scores

HOLDS = "holds"
UNDECIDED = "undecided"
REVERSED = "reversed"
# What an order is judged by: the paper's l1 error as we read it, and LPIPS
# where it was computed.
_JUDGED_BY = {"relative_l1": "l1", "lpips": "LPIPS"}
_MEANINGS = {
  HOLDS: "{less} has less than {more} by {difference}: the order holds.",
  UNDECIDED: "{more} minus {less} is {difference}, an interval that holds 0: "
  "the order is undecided.",
  REVERSED: "{less} has more than {more} by {difference}: the order is "
  "reversed.",
}
_PARTS = {"whole": "the whole picture", "hole": "the hole"}
# Of the table of hole fractions, which has room for one score.
_BY_HOLE_FRACTION = "relative_l1"

Report = Mapping[str, Any]  # as `report.build` makes it


def compare(
  reports: Mapping[str, Sequence[Report]], *, order: Sequence[str]
) -> dict[str, Any]:
  """Compares methods on one set of masks.

  Args:
    reports: of each method, one for each seed it was trained with; methods
      with several have the same seeds.
    order: some of the methods, as expected from the least error to the most.
      All others are compared with the first.

  Returns:
    What becomes JSON: the masks, `scores` by method, `differences` of each
    other method minus the first of `order`, both as `dataset_scores.summarise`
    makes them, and `order`: for each two that follow one another and each
    score that judges them, the `difference`, more minus less, and `verdict`.

  Raises:
    ValueError: if pictures or masks differ.
  """
  masks = [report["masks"] for runs in reports.values() for report in runs]
  if any(other != masks[0] for other in masks):
    raise ValueError(f"reports of different masks: {masks}")
  first = order[0]
  return {
    "masks": masks[0],
    "pictures": reports[first][0]["pictures"],
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

  Differences are taken in each picture and between trainings of one seed. If
  either method has one report, it is paired with every one of the other's.

  Raises:
    ValueError: if the pictures differ, or the numbers of reports.
  """
  count = max(len(runs), len(others))
  ours, theirs = (
    [_rows(report) for report in reports] * (count if len(reports) == 1 else 1)
    for reports in (runs, others)
  )
  return dataset_scores.summarise(
    *(dataset_scores.subtract(*pair) for pair in zip(ours, theirs, strict=True))
  )


def verdict(low: float, high: float) -> str:
  """Returns whether a difference that should be above 0 is, by its interval."""
  if low > 0:
    return HOLDS
  return REVERSED if high < 0 else UNDECIDED


def build(reports: Mapping[str, Report]) -> Report:
  """Returns the JSON of `evaluate`: of one subject its report.

  Of several {"subjects": reports by name, "comparison": what `compare` finds},
  with the first as the one that all others are compared with.
  """
  first, *others = reports
  if not others:
    return reports[first]
  by_name = {name: [report] for name, report in reports.items()}
  return {
    "subjects": dict(reports),
    "comparison": compare(by_name, order=[first]),
  }


def to_markdown(content: Report) -> str:
  """Returns the tables of what `build` returns."""
  if "subjects" not in content:
    return report_lib.to_markdown(content)
  compared = content["comparison"]
  reports = {_label(name, r): r for name, r in content["subjects"].items()}
  first = next(iter(reports.values()))
  scores = {label: report["scores"] for label, report in reports.items()}
  parts = [part for part in _PARTS if first["scores"][part]]
  lines = ["# Side by side", "", report_lib.describe_pictures(first)]
  for part in parts:
    lines += ["", f"Over {_PARTS[part]}:", ""]
    lines += report_lib.table_by_name(
      scores,
      part,
      corner="Subject",
      last=_distances(reports) if part == "whole" else None,
    )
  for part in parts:
    lines += ["", f"## Differences over {_PARTS[part]}", ""]
    lines += difference_lines(compared, part, corner="Subject")
  lines += ["", *_bin_lines(reports)]
  notes = [n for r in reports.values() for n in report_lib.notes_on_numbers(r)]
  notes = list(dict.fromkeys(notes))
  for name, count in compared["known_pixels_changed"].items():
    if count:
      notes.append(f"{name} changed known pixels in {count} pictures.")
  for note in notes:
    lines += ["", note]
  return "\n".join(lines) + "\n"


def difference_lines(
  compared: Mapping[str, Any], part: str, *, corner: str
) -> list[str]:
  """Returns the table of what `compare` finds, and a sentence that explains it.

  Args:
    compared: as `compare` returns it.
    part: "whole" or "hole".
    corner: what the rows are.
  """
  first, differences = compared["differences_to"], compared["differences"]
  if not differences:
    return []
  has_lpips = any("lpips" in entry[part] for entry in differences.values())
  errors = "l1, l2 and LPIPS" if has_lpips else "l1 and l2"
  return [
    f"Each minus {first}, picture by picture; above 0 in {errors}, and below "
    f"in PSNR and SSIM, {first} is better:",
    "",
    *report_lib.table_by_name(
      differences, part, corner=corner, of_difference=True
    ),
  ]


def order_lines(compared: Mapping[str, Any]) -> list[str]:
  """Returns a sentence for each two methods whose order was expected."""
  lines = []
  for pair in compared["order"]:
    less, more, found = pair["less"], pair["more"], pair["verdict"]
    title = report_lib.score_title(pair["score"], of_difference=True)
    size = report_lib.interval(pair["difference"], flip=found == REVERSED)
    unit = title.partition(", ")[2]
    meaning = _MEANINGS[found].format(
      less=less, more=more, difference=" ".join(filter(None, (size, unit)))
    )
    lines.append(f"{less} < {more} in {_JUDGED_BY[pair['score']]}: {meaning}")
  return lines


def _judge(less, more) -> Iterator[tuple[str, dict[str, Any]]]:
  differences = difference(more, less)["whole"]
  for score in filter(differences.__contains__, _JUDGED_BY):
    found = differences[score]
    # Methods that fill all pictures alike may have nothing finite to compare.
    known = found["mean"] is not None
    decided = verdict(found["low"], found["high"]) if known else UNDECIDED
    yield score, {"difference": found, "verdict": decided}


def _scores(runs) -> dict[str, dict[str, Any]]:
  """Returns the scores of a method over all of its trainings."""
  if len(runs) == 1:
    return runs[0]["scores"]
  return dataset_scores.summarise(*map(_rows, runs))


def _rows(report) -> list[dataset_scores.Row]:
  return [dataset_scores.Row(**row) for row in report["rows"]]


def _label(name, report) -> str:
  step = report.get("step")
  return name if step is None else f"{name}, step {step}"


def _distances(reports) -> dict[str, dict[str, str]]:
  """Returns the column of the FID where there is one."""
  if not all("fid" in report for report in reports.values()):
    return {}
  return {
    report_lib.FID_TITLE: {
      label: report_lib.number(report["fid"]["value"])
      for label, report in reports.items()
    }
  }


def _bin_lines(reports) -> list[str]:
  """Returns the table by hole fraction; all have the same masks, so bins."""
  bins = next(iter(reports.values()))["bins"]
  heads = []
  for entry in bins:
    low, high = entry["hole_percent"]
    heads.append(f"{low}-{high} % ({entry['pictures']})")
  title = report_lib.score_title(_BY_HOLE_FRACTION).capitalize()
  return [
    f"{title}, of the whole picture, by hole fraction (pictures):",
    "",
    *report_lib.table(
      ["Subject", *heads],
      (
        [
          label,
          *(
            report_lib.counted(entry["whole"].get(_BY_HOLE_FRACTION))
            for entry in report["bins"]
          ),
        ]
        for label, report in reports.items()
      ),
    ),
  ]
