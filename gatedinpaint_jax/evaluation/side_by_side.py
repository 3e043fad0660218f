"""Several subjects on the same pictures and masks, in one report.

JSON: {"subjects": {name: what `report.build` makes}, "comparison": what
`comparison.compare` finds, with the first one as the one that all others are
compared with}.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gatedinpaint_jax.evaluation import (
  comparison,
  comparison_grid,
  contact_sheet,
  output_files,
  report,
  scoring,
  tables,
)

_CORNER = "Subject"
# Of the table of hole fractions, which has room for one.
_BY_HOLE_FRACTION = "relative_l1"


def build(reports: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
  """Returns what becomes the JSON file.

  Args:
    reports: as `report.build` makes them, by name, in the order of the tables.
  """
  first = next(iter(reports))
  return {
    "subjects": dict(reports),
    "comparison": comparison.compare(
      {name: [report] for name, report in reports.items()}, order=[first]
    ),
  }


def to_markdown(content: Mapping[str, Any]) -> str:
  """Returns the tables of what `build` returns."""
  reports, compared = content["subjects"], content["comparison"]
  first = reports[compared["differences_to"]]
  scores = {_label(name, r): r["scores"] for name, r in reports.items()}
  lines = [
    "# Side by side",
    "",
    report.describe_pictures(first),
    "",
    "Over the whole picture:",
    "",
    *tables.by_name(scores, "whole", corner=_CORNER, last=_distances(reports)),
  ]
  parts = ["whole"]
  if first["scores"]["hole"]:
    parts.append("hole")
    lines += ["", "Over the hole:", ""]
    lines += tables.by_name(scores, "hole", corner=_CORNER)
  for part in parts:
    place = "the whole picture" if part == "whole" else "the hole"
    lines += ["", f"## Differences over {place}", ""]
    lines += comparison.difference_lines(compared, part, corner=_CORNER)
  lines += ["", *_bin_lines(reports)]
  notes = [
    note for r in reports.values() for note in report.notes_on_numbers(r)
  ]
  for note in dict.fromkeys(notes):
    lines += ["", note]
  for name, count in compared["known_pixels_changed"].items():
    if count:
      lines += ["", f"{name} changed known pixels in {count} pictures."]
  return "\n".join(lines) + "\n"


def draw(
  labels: Mapping[int, str],
  completed: Mapping[str, Mapping[int, scoring.Completed]],
) -> bytes:
  """Returns the grid of some pictures as PNG; a white pixel if there are none.

  Args:
    labels: what is above each picture, by the place of its case.
    completed: {name: {place: what became of it}}.
  """
  if not labels:
    return output_files.to_png(np.full((1, 1, 3), 255, np.uint8))
  first = next(iter(completed.values()))
  shown = [
    comparison_grid.Shown(
      label,
      first[place].loaded.image,
      first[place].loaded.hole,
      {name: own[place].image for name, own in completed.items()},
    )
    for place, label in labels.items()
  ]
  return output_files.to_png(
    comparison_grid.draw(shown, most_side=contact_sheet.TILE)
  )


def _label(name, of_one) -> str:
  step = of_one.get("step")
  return name if step is None else f"{name}, step {step}"


def _distances(reports) -> dict[str, dict[str, str]]:
  """Returns the column of the FID where there is one."""
  if not all("fid" in of_one for of_one in reports.values()):
    return {}
  return {
    report.FID_TITLE: {
      _label(name, of_one): tables.number(of_one["fid"]["value"])
      for name, of_one in reports.items()
    }
  }


def _bin_lines(reports) -> list[str]:
  """Returns the table by hole fraction; all have the same masks, so bins."""
  bins = next(iter(reports.values()))["bins"]
  heads = [
    f"{low}-{high} % ({entry['pictures']})"
    for entry in bins
    for low, high in [entry["hole_percent"]]
  ]
  return [
    f"{tables.title(_BY_HOLE_FRACTION).capitalize()}, of the whole picture, by "
    "hole fraction (pictures):",
    "",
    *tables.head([_CORNER, *heads]),
    *(
      tables.row(
        [
          _label(name, of_one),
          *(
            tables.counted(entry["whole"].get(_BY_HOLE_FRACTION))
            for entry in of_one["bins"]
          ),
        ]
      )
      for name, of_one in reports.items()
    ),
  ]
