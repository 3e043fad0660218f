"""The report of an evaluation: JSON for programs, Markdown for people."""

import importlib.metadata
import json
import math
import platform
from collections.abc import Mapping
from typing import Any

import jax

from gatedinpaint_jax.evaluation import frozen_masks, scoring, tables
from gatedinpaint_jax.metrics import dataset_scores, inception

# Those of the frozen masks; files may have larger holes.
_BINS = (*frozen_masks.BINS, (frozen_masks.BINS[-1][1], 100))
FID_TITLE = "FID, no interval"
# More digits are rounding errors of the processor.
_DIGITS = 6


def build(
  result: scoring.Result,
  *,
  version: str,
  description: Mapping[str, Any],
  images: str,
  masks: Mapping[str, Any],
  size: tuple[int, int] | None,
  fid_weights: str | None = None,
) -> dict[str, Any]:
  """Returns what becomes the JSON file.

  Args:
    result: of all pictures.
    version: of this package.
    description: what was evaluated.
    images: where the pictures came from.
    masks: where the masks came from; their digest is added.
    size: to which pictures were scaled and cropped, or None.
    fid_weights: digest of the network of the Frechet distance.
  """
  report = {
    **description,
    "images": images,
    "pictures": len(result.rows),
    "size": size and list(size),
    "masks": {**masks, "digest": result.mask_digest},
    "known_pixels_changed": result.changed,
    "versions": {"gatedinpaint-jax": version, **_versions()},
    "scores": dataset_scores.summarise(result.rows),
    "bins": dataset_scores.by_hole_fraction(result.rows, _BINS),
  }
  if result.frechet_distance is not None:
    report["fid"] = {
      "value": result.frechet_distance,
      "weights_digest": fid_weights,
      "note": _note_on_fid(len(result.rows)),
    }
  report["rows"] = [row._asdict() for row in result.rows]
  return _shorten(report)


def to_markdown(report: Mapping[str, Any]) -> str:
  """Returns the tables of a report."""
  scores = report["scores"]
  lines = [
    f"# {title(report)}",
    "",
    describe_pictures(report),
    "",
    *tables.head(["Score", "Whole picture", "Hole"]),
  ]
  for name in scores["whole"]:
    cells = [tables.counted(scores[p].get(name)) for p in ("whole", "hole")]
    lines.append(tables.row([tables.title(name), *cells]))
  if "fid" in report:
    lines.append(f"| {FID_TITLE} | {tables.number(report['fid']['value'])} | |")
  if report["bins"]:
    lines += ["", *_bin_table(report["bins"])]
  notes = notes_on_numbers(report)
  if report["known_pixels_changed"]:
    notes.append(
      f"In {report['known_pixels_changed']} pictures known pixels are not "
      "those of the original."
    )
  for note in notes:
    lines += ["", note]
  return "\n".join(lines) + "\n"


def describe_pictures(report: Mapping[str, Any]) -> str:
  """Returns which pictures and masks the numbers are of."""
  masks = report["masks"]
  name = masks["name"]
  if "seed" in masks:
    name += f" (seed {masks['seed']})"
  size = " x ".join(map(str, report["size"] or ["their own"]))
  return (
    f"{report['pictures']} pictures of {report['images']}, size (height x "
    f"width) {size}; masks {name}, digest `{masks['digest']}`. Means over "
    "pictures, with bootstrap 95 % intervals."
  )


def notes_on_numbers(report: Mapping[str, Any]) -> list[str]:
  """Returns what a reader of the means has to know."""
  notes = []
  if any(map(tables.any_of_some, report["scores"].values())):
    notes.append(tables.COUNTS)
  if "fid" in report and report["fid"]["note"]:
    notes.append(report["fid"]["note"])
  return notes


def title(report: Mapping[str, Any]) -> str:
  """Returns in a few words what was evaluated."""
  if report["method"] == "checkpoint":
    return f"{report['checkpoint']}, step {report['step']}"
  return str(report.get("completed") or report["method"])


def to_json(report: Mapping[str, Any]) -> bytes:
  """Returns the JSON file's content."""
  return (json.dumps(report, indent=1, allow_nan=False) + "\n").encode()


def _bin_table(bins) -> list[str]:
  names = [name for name in tables.SCORES if name in bins[0]["whole"]]
  titles = map(tables.title, names)
  lines = [
    "Of the whole picture, by hole fraction:",
    "",
    *tables.head(["Hole", "Pictures", *titles]),
  ]
  for entry in bins:
    low, high = entry["hole_percent"]
    cells = [tables.counted(entry["whole"][name]) for name in names]
    lines.append(tables.row([f"{low}-{high} %", entry["pictures"], *cells]))
  return lines


def _note_on_fid(pictures) -> str | None:
  """Returns what to say of an FID of so many pictures, or None."""
  needed = inception.FEATURES + 1
  if pictures >= needed:
    return None
  return (
    f"The FID is of {pictures} pictures and biased upwards: fewer than "
    f"{needed} leave the covariance of its {inception.FEATURES} features "
    "without full rank. Compare it only with one of as many pictures."
  )


def _versions() -> dict[str, str]:
  packages = ("dm-pix", "jax", "numpy")
  return {
    **{package: importlib.metadata.version(package) for package in packages},
    "python": platform.python_version(),
    "device": jax.devices()[0].device_kind,
  }


def _shorten(tree):
  """Rounds all numbers; those that JSON has no word for become null."""
  if isinstance(tree, Mapping):
    return {key: _shorten(value) for key, value in tree.items()}
  if isinstance(tree, list | tuple):
    return [_shorten(value) for value in tree]
  if isinstance(tree, float):
    return float(f"{tree:.{_DIGITS}g}") if math.isfinite(tree) else None
  return tree
