"""The report of an evaluation: JSON for programs, Markdown for people.

A summary is the part of `dataset_scores.summarise` for one score: its mean, the
interval and the number of pictures.
"""

import functools
import importlib.metadata
import json
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax

from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.evaluation import data_values, frozen_masks, scoring
from gatedinpaint_jax.metrics import dataset_scores, fid

COUNTS = (
  "(n of N): the mean is over n of N pictures. The others have no hole or no "
  "finite score, such as the PSNR of an identical picture."
)
# Scores with a column of their own.
_COLUMNS = ("relative_l1", "relative_l2", "psnr", "ssim", "lpips", "fid")
_TITLES = {
  "psnr": "PSNR",
  "ssim": "SSIM",
  "original_total_variation": "total variation of the originals",
  "lpips": "LPIPS",
  "fid": "FID, no interval",
}
# The bins of the frozen masks; mask files may have larger holes.
_BINS = (*frozen_masks.BINS, (frozen_masks.BINS[-1][1], 100))
# Further digits are rounding errors.
_DIGITS = 6


def build(
  result: scoring.Result,
  *,
  version: str,
  description: Mapping[str, Any],
  images: str,
  masks: Mapping[str, Any],
  size: tuple[int, int] | None,
  values: values_lib.Values = values_lib.PHOTOGRAPHS,
  fid_weights: str | None = None,
) -> dict[str, Any]:
  """Returns the content of the JSON file.

  `version` is that of this package, `description` is of the subject, `images`
  and `masks` say where these came from, `fid_weights` is a digest.
  """
  report = {
    **description,
    "images": images,
    "pictures": len(result.rows),
    "size": size and list(size),
    **data_values.describe(values, result.types),
    "masks": {**masks, "digest": result.mask_digest},
    "known_pixels_changed": result.changed,
    "versions": {"gatedinpaint-jax": version, **_versions()},
    "scores": dataset_scores.summarise(result.rows),
    "bins": dataset_scores.summarise_bins(result.rows, _BINS),
  }
  if result.frechet_distance is not None:
    report["fid"] = {
      "value": result.frechet_distance,
      "weights_digest": fid_weights,
      "note": _note_on_fid(len(result.rows)),
    }
  report["rows"] = [row._asdict() for row in result.rows]
  return _round(report)


def to_markdown(report: Mapping[str, Any]) -> str:
  """Returns the tables of a report."""
  entire, hole = (scores_of(report)[part] for part in ("whole", "hole"))
  rows = [
    [score_title(name), *(format_summary(p.get(name)) for p in (entire, hole))]
    for name in entire | hole
  ]
  blocks = [
    f"# {_title(report)}",
    describe_pictures(report),
    table(["Score", "Entire picture", "Hole"], rows),
    "Over the entire picture, by hole fraction:",
    _bin_table(report["bins"]),
    *notes_on_numbers(report),
  ]
  if report["known_pixels_changed"]:
    blocks.append(
      f"{report['known_pixels_changed']} pictures have known pixels that "
      "differ from the original."
    )
  return page(blocks)


def scores_of(report: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
  """Returns {part: {score: summary}} with the FID, if any, as a score."""
  parts = dict(report["scores"])
  if "fid" in report:
    counts = dict.fromkeys(("pictures", "of_pictures"), report["pictures"])
    found = {"mean": report["fid"]["value"], "low": None, "high": None}
    parts["whole"] = parts["whole"] | {"fid": found | counts}
  return parts


def page(blocks: Iterable[str]) -> str:
  """Returns a Markdown file of titles, paragraphs and tables."""
  return "\n\n".join(blocks) + "\n"


def describe_pictures(report: Mapping[str, Any]) -> str:
  """Returns a sentence on the pictures and masks behind the numbers."""
  masks = report["masks"]
  seed = f" (seed {masks['seed']})" if "seed" in masks else ""
  size = " x ".join(map(str, report["size"] or ["original"]))
  text = (
    f"{report['pictures']} pictures of {report['images']}, size (height x "
    f"width) {size}; masks {masks['name']}{seed}, digest `{masks['digest']}`. "
    "Means over pictures, with bootstrap 95 % intervals."
  )
  return " ".join([text, *data_values.sentences(report)])


def notes_on_numbers(report: Mapping[str, Any]) -> list[str]:
  """Returns what a reader of the means needs to know."""
  notes = []
  if any(map(is_partial, report["scores"].values())):
    notes.append(COUNTS)
  if "fid" in report and report["fid"]["note"]:
    notes.append(report["fid"]["note"])
  return notes


def is_partial(summaries: Mapping[str, Mapping[str, Any]]) -> bool:
  """Returns whether any of the means leaves out pictures."""
  return any(s["pictures"] < s["of_pictures"] for s in summaries.values())


def score_title(score: str, *, is_difference: bool = False) -> str:
  """Returns the title of a score, with its unit."""
  if dataset_scores.is_in_data_units(score):
    name, *channel = score.split("_")
    return f"{' '.join([name.upper(), *channel])}, data units"
  unit = dataset_scores.UNITS.get(score)
  if is_difference and unit == "%":
    unit = "points"  # 2 % minus 1 % is not 1 % of anything
  title = _TITLES.get(score, score.replace("_", " "))
  return f"{title}, {unit}" if unit else title


def format_number(value: float, *, signed: bool = False) -> str:
  """Returns four significant digits of a number."""
  return f"{value:{'+' if signed else ''}#.4g}".rstrip(".")


def format_interval(
  summary: Mapping[str, Any] | None,
  *,
  number: Callable[[float], str] = format_number,
  flip: bool = False,
) -> str:
  """Returns "mean [low, high]", negated if `flip`, or "" without a mean."""
  if summary is None or summary["mean"] is None:
    return ""
  mean, low, high = (summary[key] for key in ("mean", "low", "high"))
  if low is None:
    return number(mean)
  if flip:
    mean, low, high = -mean, -high, -low
  return f"{number(mean)} [{number(low)}, {number(high)}]"


def format_summary(
  summary: Mapping[str, Any] | None, *, signed: bool = False
) -> str:
  """Returns `format_interval` and, if pictures are left out, the counts."""
  number = functools.partial(format_number, signed=signed)
  words = [format_interval(summary, number=number)]
  if summary and summary["pictures"] < summary["of_pictures"]:
    words.append(f"({summary['pictures']} of {summary['of_pictures']})")
  return " ".join(filter(None, words))


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
  """Returns a Markdown table."""
  lines = []
  for cells in (head, *rows):
    # File names may contain the separator of cells.
    safe = (str(cell).replace("|", r"\|") for cell in cells)
    lines.append(f"| {' | '.join(safe)} |")
  return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def score_table(
  summaries: Mapping[str, Mapping[str, Mapping[str, Any]]],
  part: str,
  *,
  corner: str,
  are_differences: bool = False,
) -> str:
  """Returns a table with a row for each name and a column for each score.

  `summaries` are {name: {part: {score: summary}}}, `corner` is the title of the
  names. Differences have a sign, and are in points instead of percents.
  """
  parts = {name: summary[part] for name, summary in summaries.items()}
  scores = [s for s in _COLUMNS if any(s in own for own in parts.values())]
  titles = [score_title(s, is_difference=are_differences) for s in scores]
  return table(
    [corner, *titles],
    (
      [
        name,
        *(format_summary(own.get(s), signed=are_differences) for s in scores),
      ]
      for name, own in parts.items()
    ),
  )


def _title(report) -> str:
  if report["method"] == "checkpoint":
    return f"{report['checkpoint']}, step {report['step']}"
  return str(report.get("completed") or report["method"])


def _bin_table(bins) -> str:
  found = {name for entry in bins for name in entry["whole"]}
  names = [name for name in _COLUMNS if name in found]
  rows = []
  for entry in bins:
    low, high = entry["hole_percent"]
    cells = [format_summary(entry["whole"].get(name)) for name in names]
    rows.append([f"{low}-{high} %", entry["pictures"], *cells])
  return table(["Hole", "Pictures", *map(score_title, names)], rows)


def _note_on_fid(pictures) -> str | None:
  needed = fid.FEATURES + 1
  if pictures >= needed:
    return None
  return (
    f"The FID is of {pictures} pictures and biased upwards: fewer than "
    f"{needed} leave the covariance of its {fid.FEATURES} features "
    "without full rank. Compare it only with one of as many pictures."
  )


def _versions() -> dict[str, str]:
  packages = ("dm-pix", "jax", "numpy")
  return {
    **{package: importlib.metadata.version(package) for package in packages},
    "python": platform.python_version(),
    "device": jax.devices()[0].device_kind,
  }


def _round(content):
  """Rounds all numbers; those that JSON cannot represent become null."""
  return json.loads(
    json.dumps(content),
    parse_float=lambda text: float(f"{float(text):.{_DIGITS}g}"),
    parse_constant=lambda _: None,
  )
