"""Reports of several methods on the same masks, compared in each picture.

Pictures differ more than methods do, so the interval of each mean says little
of which is better. Differences are taken in each picture first, and their mean
has an interval of its own. Pictures are resampled for it, nothing else: how far
another training of the same method would end up, it does not tell.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from gatedinpaint_jax.evaluation import tables
from gatedinpaint_jax.metrics import dataset_scores

HOLDS = "holds"
UNDECIDED = "undecided"
REVERSED = "reversed"
# What the order is judged by: the error in l1 as we read the paper.
JUDGED_BY = "relative_l1"
_MEANINGS = {
  HOLDS: "less l1 than {more} by {difference} points: the order holds.",
  UNDECIDED: "{more} minus {less} in l1 is {difference} points, an interval "
  "that holds 0: the order is undecided.",
  REVERSED: "more l1 than {more} by {difference} points: the order is "
  "reversed.",
}

# What `report.build` makes, by the name of the method.
Reports = Mapping[str, Mapping[str, Any]]


def compare(reports: Reports, *, order: Sequence[str]) -> dict[str, Any]:
  """Compares methods on one set of masks.

  Args:
    reports: of the same pictures and masks.
    order: some of them, as expected from the least error to the most. The first
      is the one to which all others are compared.

  Returns:
    What becomes JSON: the masks, `scores` by method, `differences` of each
    other method minus the first of `order`, both as `dataset_scores.summarise`
    makes them, and `order`: for each two that follow one another `less` and
    `more`, the `difference` of l1, more minus less, and the `verdict`.

  Raises:
    ValueError: if pictures or masks differ.
  """
  masks = [report["masks"] for report in reports.values()]
  if any(other != masks[0] for other in masks):
    raise ValueError(f"reports of different masks: {masks}")
  reference = order[0]
  return {
    "masks": masks[0],
    "pictures": reports[reference]["pictures"],
    "known_pixels_changed": {
      name: report["known_pixels_changed"] for name, report in reports.items()
    },
    "scores": {name: report["scores"] for name, report in reports.items()},
    "differences_to": reference,
    "differences": {
      name: difference(report, reports[reference])
      for name, report in reports.items()
      if name != reference
    },
    "order": [
      _judge(reports, less, more) for less, more in itertools.pairwise(order)
    ],
  }


def difference(
  report: Mapping[str, Any], other: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
  """Returns `dataset_scores.summarise` of one report minus another.

  The difference is taken in each picture; one that has no finite score in both
  is left out.

  Raises:
    ValueError: if the pictures differ.
  """
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
  return dataset_scores.summarise(rows)


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
    f"Each trained method had {budget['steps']} steps of "
    f"{budget['batch_size']} pictures of {_by(budget['image_size'])} from "
    f"{budget['pictures']}, seed {budget['seed']}: the same pictures, crops "
    "and holes in the same order. All filled the same holes of "
    f"{comparison['images']} at {_by(comparison['size'])}. Sizes are height x "
    "width.",
    "",
    "| Method | Parameters of the generator | of the discriminator | Steps "
    "| Minutes |",
    "|---|---|---|---|---|",
    *(_training_row(name, method) for name, method in methods.items()),
    "",
    "Minutes are of the clock, with compiling and validating.",
  ]
  for kind, compared in comparison["masks"].items():
    lines += ["", *_section(kind, compared)]
  lines += [
    "",
    "Intervals are 95 %, bootstrapped over pictures. Each method was trained "
    "once: what another seed would change is not in them.",
  ]
  return "\n".join(lines) + "\n"


def order_lines(compared: Mapping[str, Any]) -> list[str]:
  """Returns a sentence for each two methods whose order was expected."""
  lines = []
  for pair in compared["order"]:
    meaning = _MEANINGS[pair["verdict"]].format(
      less=pair["less"],
      more=pair["more"],
      difference=tables.interval(
        pair["difference"], flip=pair["verdict"] == REVERSED
      ),
    )
    name = f"{pair['less']} < {pair['more']}"
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


def _judge(reports, less, more) -> dict[str, Any]:
  found = difference(reports[more], reports[less])["whole"][JUDGED_BY]
  # Two methods may make the same of all pictures, and nothing finite of one.
  known = found["mean"] is not None
  return {
    "less": less,
    "more": more,
    "difference": found,
    "verdict": verdict(found["low"], found["high"]) if known else UNDECIDED,
  }


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
    return f"| {name} | | | | |"
  parameters = method["parameters"]
  return (
    f"| {name} | {parameters['generator']:,} | "
    f"{parameters['discriminator']:,} | {method['steps']} | "
    f"{method['minutes']:.1f} |"
  )


def _by(size) -> str:
  return " x ".join(map(str, size))
