"""The report of an evaluation: JSON for programs, Markdown for people."""

import contextlib
import importlib.metadata
import json
import math
import os
import pathlib
import platform
from collections.abc import Mapping
from typing import Any

import jax

from gatedinpaint_jax import errors
from gatedinpaint_jax.evaluation import frozen_masks, scoring
from gatedinpaint_jax.metrics import dataset_scores, inception

_TITLES = {
  "relative_l1": "relative l1",
  "relative_l2": "relative l2",
  "psnr": "PSNR",
  "ssim": "SSIM",
  "total_variation": "total variation",
  "original_total_variation": "total variation of the originals",
  "lpips": "LPIPS",
}
# Those of the frozen masks; files may have larger holes.
_BINS = (*frozen_masks.BINS, (frozen_masks.BINS[-1][1], 100))
# Of the table of bins.
_BIN_SCORES = ("relative_l1", "relative_l2", "psnr", "ssim", "lpips")
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
  masks, scores = report["masks"], report["scores"]
  name = masks["name"]
  if "seed" in masks:
    name += f" (seed {masks['seed']})"
  size = " x ".join(map(str, report["size"] or ["their own"]))
  lines = [
    f"# {title(report)}",
    "",
    f"{report['pictures']} pictures of {report['images']}, size (height x "
    f"width) {size}; masks {name}, digest `{masks['digest']}`. Means over "
    "pictures, with bootstrap 95 % intervals.",
    "",
    "| Score | Whole picture | Hole |",
    "|---|---|---|",
  ]
  for name in scores["whole"]:
    cells = [
      _with_interval(scores[part].get(name)) for part in ("whole", "hole")
    ]
    lines.append(f"| {_title(name)} | {' | '.join(cells)} |")
  if "fid" in report:
    value = _number(report["fid"]["value"])
    lines.append(f"| FID, no interval | {value} | |")
  if report["bins"]:
    lines += ["", *_bin_table(report["bins"])]
  for note in _notes(report):
    lines += ["", note]
  return "\n".join(lines) + "\n"


def title(report: Mapping[str, Any]) -> str:
  """Returns in a few words what was evaluated."""
  if report["method"] == "checkpoint":
    return f"{report['checkpoint']}, step {report['step']}"
  return str(report.get("completed") or report["method"])


def write(path: pathlib.Path, content: bytes) -> None:
  """Writes a file whole, or not at all.

  Raises:
    UserError: if it cannot be written.
  """
  part = path.with_name(f".{path.name}.{os.getpid()}.part")
  try:
    part.write_bytes(content)
    os.replace(part, path)
  except OSError as error:
    raise errors.UserError(
      f"{path}: cannot be written ({error.strerror})"
    ) from error
  finally:
    with contextlib.suppress(OSError):
      part.unlink()


def to_json(report: Mapping[str, Any]) -> bytes:
  """Returns the JSON file's content."""
  return (json.dumps(report, indent=1, allow_nan=False) + "\n").encode()


def _bin_table(bins) -> list[str]:
  names = [name for name in _BIN_SCORES if name in bins[0]["whole"]]
  lines = [
    "Of the whole picture, by hole fraction:",
    "",
    f"| Hole | Pictures | {' | '.join(map(_title, names))} |",
    "|---|---|" + "---|" * len(names),
  ]
  for entry in bins:
    low, high = entry["hole_percent"]
    cells = [_with_interval(entry["whole"][name]) for name in names]
    lines.append(
      f"| {low}-{high} % | {entry['pictures']} | {' | '.join(cells)} |"
    )
  return lines


def _notes(report) -> list[str]:
  """Returns what a reader of the tables has to know."""
  notes = []
  parts = report["scores"].values()
  if any(_is_of_some(score) for part in parts for score in part.values()):
    notes.append(
      "(n of N): the mean is over n of N pictures. The others have no hole or "
      "no finite score, as an equal picture has no PSNR."
    )
  if "fid" in report and report["fid"]["note"]:
    notes.append(report["fid"]["note"])
  if report["known_pixels_changed"]:
    notes.append(
      f"In {report['known_pixels_changed']} pictures known pixels are not "
      "those of the original."
    )
  return notes


def _title(name) -> str:
  unit = dataset_scores.UNITS[name].name
  return _TITLES.get(name, name) + (f", {unit}" if unit else "")


def _with_interval(summary) -> str:
  """Returns a cell, empty for a score that the part does not have."""
  if summary is None:
    return ""
  words = []
  if summary["mean"] is not None:
    mean, low, high = (_number(summary[key]) for key in ("mean", "low", "high"))
    words.append(f"{mean} [{low}, {high}]")
  if _is_of_some(summary):
    words.append(f"({summary['pictures']} of {summary['of_pictures']})")
  return " ".join(words)


def _is_of_some(summary) -> bool:
  """Returns whether a mean leaves pictures out."""
  return summary["pictures"] < summary["of_pictures"]


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


def _number(value) -> str:
  return f"{value:#.4g}".rstrip(".")


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
