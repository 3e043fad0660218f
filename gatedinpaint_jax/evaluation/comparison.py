"""Reports of several methods on the same masks, compared in each picture.

Pictures differ more than methods do, so the interval of each mean says little
of which is better. Differences are taken in each picture first, and their mean
has an interval of its own, over pictures and, where a method was trained with
several seeds, over these too. With one seed, how far another training would end
up is not in it.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from gatedinpaint_jax.evaluation import tables
from gatedinpaint_jax.metrics import dataset_scores

HOLDS = "holds"
UNDECIDED = "undecided"
REVERSED = "reversed"
# What the order is judged by: the error in l1 as we read the paper, and in
# LPIPS where it was computed.
JUDGED_BY = ("relative_l1", "lpips")
_MEANINGS = {
  HOLDS: "less than {more} by {difference}: the order holds.",
  UNDECIDED: "{more} minus {less} is {difference}, an interval that holds 0: "
  "the order is undecided.",
  REVERSED: "more than {more} by {difference}: the order is reversed.",
}

_INTERVALS = {
  False: "Intervals are 95 %, bootstrapped over pictures. Each method was "
  "trained once: what another seed would change is not in them.",
  True: "Intervals are 95 %, over pictures and seeds, by Student's t; of "
  "methods without training bootstrapped over pictures.",
}

# What `report.build` makes of each training of a method, by its name.
Reports = Mapping[str, Sequence[Mapping[str, Any]]]


def compare(reports: Reports, *, order: Sequence[str]) -> dict[str, Any]:
  """Compares methods on one set of masks.

  Args:
    reports: of the same pictures and masks; of each method one, or as many as
      of all others that have several, trained with the same seeds.
    order: some of them, as expected from the least error to the most. The first
      is the one to which all others are compared.

  Returns:
    What becomes JSON: the masks, `scores` by method, `differences` of each
    other method minus the first of `order`, both as `dataset_scores.summarise`
    makes them, and `order`: for each two that follow one another and each
    `score` of `JUDGED_BY` that all have `less` and `more`, the `difference`,
    more minus less, and the `verdict`.

  Raises:
    ValueError: if pictures or masks differ.
  """
  masks = [report["masks"] for runs in reports.values() for report in runs]
  if any(other != masks[0] for other in masks):
    raise ValueError(f"reports of different masks: {masks}")
  reference = order[0]
  return {
    "masks": masks[0],
    "pictures": reports[reference][0]["pictures"],
    "known_pixels_changed": {
      name: sum(report["known_pixels_changed"] for report in runs)
      for name, runs in reports.items()
    },
    "scores": {name: _scores(runs) for name, runs in reports.items()},
    "differences_to": reference,
    "differences": {
      name: difference(runs, reports[reference])
      for name, runs in reports.items()
      if name != reference
    },
    "order": [
      judged
      for less, more in itertools.pairwise(order)
      for judged in _judge(reports, less, more)
    ],
  }


def difference(
  runs: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
  """Returns `dataset_scores.summarise` of one method minus another.

  The difference is taken in each picture and between trainings of one seed; a
  picture that has no finite score in both is left out.

  Args:
    runs: reports of the one, by seed.
    others: of the other; if either has one report, it meets all of the other's.

  Raises:
    ValueError: if the pictures differ, or the numbers of reports.
  """
  count = max(len(runs), len(others))
  all_of = lambda reports: reports * count if len(reports) == 1 else reports
  pairs = zip(all_of(list(runs)), all_of(list(others)), strict=True)
  return dataset_scores.summarise(*(_subtract_rows(*pair) for pair in pairs))


def _subtract_rows(report, other) -> list[dataset_scores.Row]:
  rows = []
  for ours, theirs in zip(report["rows"], other["rows"], strict=True):
    if ours["name"] != theirs["name"]:
      raise ValueError(f"{ours['name']} and {theirs['name']} are no pair")
    rows.append(
      dataset_scores.Row(
        ours["name"],
        ours["hole_fraction"],
        _subtract(ours["whole"], theirs["whole"]),
        _subtract(ours["hole"], theirs["hole"]),
      )
    )
  return rows


def verdict(low: float, high: float) -> str:
  """Returns whether what is expected above 0 is, from its interval."""
  if low > 0:
    return HOLDS
  return REVERSED if high < 0 else UNDECIDED


def to_markdown(comparison: Mapping[str, Any]) -> str:
  """Returns the page of a comparison, as `gatedinpaint_jax.compare` makes it.

  Args:
    comparison: `budget`, `images`, `size`, `methods` and, in `masks`, what
      `compare` returns for each kind.
  """
  budget, methods = comparison["budget"], comparison["methods"]
  lines = [
    "# Comparison",
    "",
    f"Each trained method had {budget['steps']} steps with pictures of "
    f"{_by(budget['image_size'])} from {budget['pictures']}, "
    f"{_seeds(budget['seeds'])}: of one seed the same pictures, crops and "
    "holes in the same order. All filled the same holes of "
    f"{comparison['images']} at {_by(comparison['size'])}. Sizes are height x "
    "width.",
    "",
    *tables.head(
      [
        "Method",
        "Parameters of the generator",
        "of the discriminator",
        "Steps",
        "Pictures a step",
        "Minutes",
      ]
    ),
    *(_training_row(name, method) for name, method in methods.items()),
    "",
    "Minutes are of the clock, with compiling and validating, all seeds "
    "together.",
  ]
  for kind, compared in comparison["masks"].items():
    lines += ["", *_section(kind, compared)]
  lines += [
    "",
    _INTERVALS[len(budget["seeds"]) > 1],
  ]
  return "\n".join(lines) + "\n"


def order_lines(compared: Mapping[str, Any]) -> list[str]:
  """Returns a sentence for each two methods whose order was expected."""
  lines = []
  for pair in compared["order"]:
    unit = tables.title(pair["score"], of_difference=True).partition(", ")[2]
    difference = tables.interval(
      pair["difference"], flip=pair["verdict"] == REVERSED
    )
    meaning = _MEANINGS[pair["verdict"]].format(
      less=pair["less"],
      more=pair["more"],
      difference=" ".join(filter(None, (difference, unit))),
    )
    score = "l1" if pair["score"] == "relative_l1" else "LPIPS"
    name = f"{pair['less']} < {pair['more']} in {score}"
    subject = "" if pair["verdict"] == UNDECIDED else f"{pair['less']} has "
    lines.append(f"{name}: {subject}{meaning}")
  return lines


def difference_lines(
  compared: Mapping[str, Any], part: str, *, corner: str
) -> list[str]:
  """Returns the table of the differences, and a sentence that says of what.

  Args:
    compared: as `compare` returns it.
    part: "whole" or "hole".
    corner: what the rows are.
  """
  reference, differences = compared["differences_to"], compared["differences"]
  if not differences:
    return []
  has_lpips = any("lpips" in entry[part] for entry in differences.values())
  errors = "l1, l2 and LPIPS" if has_lpips else "l1 and l2"
  return [
    f"Each minus {reference}, picture by picture; above 0 in {errors}, and "
    f"below in PSNR and SSIM, {reference} is better:",
    "",
    *tables.by_name(differences, part, corner=corner, of_difference=True),
  ]


def _judge(reports, less, more) -> list[dict[str, Any]]:
  differences = difference(reports[more], reports[less])["whole"]
  judged = []
  for score in filter(differences.__contains__, JUDGED_BY):
    found = differences[score]
    # Two methods may make the same of all pictures, and nothing finite of one.
    known = found["mean"] is not None
    judged.append(
      {
        "score": score,
        "less": less,
        "more": more,
        "difference": found,
        "verdict": verdict(found["low"], found["high"]) if known else UNDECIDED,
      }
    )
  return judged


def _scores(runs) -> dict[str, dict[str, Any]]:
  """Returns the scores of a method over all of its trainings."""
  if len(runs) == 1:
    return runs[0]["scores"]
  return dataset_scores.summarise(
    *([_read_row(row) for row in run["rows"]] for run in runs)
  )


def _read_row(row) -> dataset_scores.Row:
  """Returns a row of a report, in which JSON's null is an infinite score."""
  finite = lambda scores: {k: v for k, v in scores.items() if v is not None}
  return dataset_scores.Row(
    row["name"],
    row["hole_fraction"],
    finite(row["whole"]),
    finite(row["hole"]),
  )


def _subtract(ours, theirs) -> dict[str, float]:
  """Subtracts what is a number in both; JSON's null is an infinite score."""
  return {
    name: value - theirs[name]
    for name, value in ours.items()
    if value is not None and theirs.get(name) is not None
  }


def _section(kind, compared) -> list[str]:
  masks = compared["masks"]
  changed = [
    n for n, count in compared["known_pixels_changed"].items() if count
  ]
  leaves_out = any(
    tables.any_of_some(score["whole"]) for score in compared["scores"].values()
  )
  return [
    f"## Masks {kind}",
    "",
    f"{compared['pictures']} pictures, masks of seed {masks['seed']}, digest "
    f"`{masks['digest']}`. Over the whole picture; l1 and l2 in percent of the "
    "original:",
    "",
    *tables.by_name(compared["scores"], "whole", corner="Method"),
    "",
    *difference_lines(compared, "whole", corner="Method"),
    *(["", tables.COUNTS] if leaves_out else []),
    *([""] if compared["order"] else []),
    *(f"- {line}" for line in order_lines(compared)),
    *(f"- {name} changed known pixels." for name in changed),
  ]


def _training_row(name, method) -> str:
  if not method["trained"]:
    return f"| {name} | | | | | |"
  parameters = method["parameters"]
  return (
    f"| {name} | {parameters['generator']:,} | "
    f"{parameters['discriminator']:,} | {method['steps']} | "
    f"{method['batch_size']} | {method['minutes']:.1f} |"
  )


def _seeds(seeds) -> str:
  name = "seed" if len(seeds) == 1 else "seeds"
  return f"{name} {', '.join(map(str, seeds))}"


def _by(size) -> str:
  return " x ".join(map(str, size))
