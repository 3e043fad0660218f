"""Scores of a set of pictures, from one row of numbers for each.

Means are taken over rows, so batches, devices and the order of the pictures
leave no trace in them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.metrics import image_quality, intervals


class Unit(NamedTuple):
  """How a score is written.

  Attributes:
    name: of the unit; empty if there is none.
    factor: what `image_quality` returns is multiplied with.
  """

  name: str
  factor: int


# All scores, in the order of tables. Total variation is best near that of the
# originals, neither high nor low.
UNITS = {
  "relative_l1": Unit("%", 100),
  "relative_l2": Unit("%", 100),
  "l1": Unit("%", 100),
  "l2": Unit("%", 100),
  "psnr": Unit("dB", 1),
  "ssim": Unit("", 1),
  "total_variation": Unit("%", 100),
  "original_total_variation": Unit("%", 100),
  "lpips": Unit("", 1),
}


class Row(NamedTuple):
  """The scores of one picture.

  Attributes:
    name: of the picture.
    hole_fraction: of its area, in [0, 1].
    whole: {score: number} over the whole picture, in the units of UNITS.
    hole: the same over the hole; empty if there is none. None stands for a
      number that is not finite, in rows that were read from a report.
  """

  name: str
  hole_fraction: float
  whole: dict[str, float]
  hole: dict[str, float]


def score_picture(
  name: str,
  completed: np.ndarray,
  original: np.ndarray,
  hole: np.ndarray,
  *,
  further: Mapping[str, float] | None = None,
) -> Row:
  """Scores one completed picture.

  Args:
    name: of the picture.
    completed: `[H, W, 3] uint8`.
    original: `[H, W, 3] uint8`, without a hole.
    hole: `[H, W] bool`.
    further: scores of the entire picture that were computed elsewhere.
  """
  whole, inside = jax.device_get(
    _scores(completed[None], original[None], hole[None, ..., None])
  )
  return Row(
    name,
    float(hole.mean()),
    _in_units(whole) | dict(further or {}),
    _in_units(inside) if hole.any() else {},
  )


def summarise(*runs: Sequence[Row]) -> dict[str, dict[str, Any]]:
  """Returns the means of all scores, of the pictures that have them.

  A picture without a finite score is left out, such as the PSNR of an equal one
  or, of what is over the hole, one that has none.

  Args:
    *runs: the rows of all pictures; several times if the method was trained
      several times, each of the same pictures in the same order.

  Returns:
    {"whole" and "hole": {score: {mean, low, high, pictures, of_pictures}}}.
    `low` and `high` bound the mean with 95 % confidence; the mean is over
    `pictures` of `of_pictures`, and null with the bounds if over none.
  """
  return {
    "whole": _summarise_part([[row.whole for row in rows] for rows in runs]),
    "hole": _summarise_part([[row.hole for row in rows] for rows in runs]),
  }


def subtract(rows: Sequence[Row], others: Sequence[Row]) -> list[Row]:
  """Returns the differences of scores, picture by picture.

  A score that is not finite in both is left out.

  Raises:
    ValueError: if the pictures differ.
  """
  differences = []
  for ours, theirs in zip(rows, others, strict=True):
    if ours.name != theirs.name:
      raise ValueError(f"{ours.name} and {theirs.name} are no pair")
    differences.append(
      Row(
        ours.name,
        ours.hole_fraction,
        _subtract(ours.whole, theirs.whole),
        _subtract(ours.hole, theirs.hole),
      )
    )
  return differences


def by_hole_fraction(
  rows: Sequence[Row], bins: Sequence[tuple[int, int]]
) -> list[dict[str, Any]]:
  """Returns for each bin that has pictures its bounds and `summarise`.

  Args:
    rows: of all pictures.
    bins: hole fractions in percent, from the first up to below the second; 100
      is in the bin that ends there.
  """
  found = []
  for low, high in bins:
    inside = [
      row
      for row in rows
      if low <= (percent := 100 * row.hole_fraction) < high
      or percent == high == 100
    ]
    if inside:
      found.append(
        {
          "hole_percent": [low, high],
          "pictures": len(inside),
          **summarise(inside),
        }
      )
  return found


@jax.jit
def _scores(completed, original, hole):
  """Scores `[1, H, W, 3] uint8`; compiled once for each size."""
  image, reference = (
    batch_lib.from_uint8(pixels.astype(jnp.float32))
    for pixels in (completed, original)
  )
  hole = hole.astype(jnp.float32)
  return tuple(
    {
      "relative_l1": image_quality.relative_l1(image, reference, mask=mask),
      "relative_l2": image_quality.relative_l2(image, reference, mask=mask),
      "l1": image_quality.l1(image, reference, mask=mask),
      "l2": image_quality.l2(image, reference, mask=mask),
      "psnr": image_quality.psnr(image, reference, mask=mask),
      "ssim": image_quality.ssim(image, reference, mask=mask),
      "total_variation": image_quality.total_variation(image, mask=mask),
      "original_total_variation": image_quality.total_variation(
        reference, mask=mask
      ),
    }
    for mask in (None, hole)
  )


def _subtract(ours, theirs) -> dict[str, float]:
  return {
    name: value - theirs[name]
    for name, value in ours.items()
    if value is not None and theirs.get(name) is not None
  }


def _in_units(scores) -> dict[str, float]:
  return {
    name: unit.factor * float(scores[name][0])
    for name, unit in UNITS.items()
    if name in scores
  }


def _summarise_part(runs):
  found = {name for scores in runs for score in scores for name in score}
  summary = {}
  for name in filter(found.__contains__, UNITS):
    values = np.array(  # None becomes NaN
      [[score.get(name) for score in scores] for scores in runs], np.float64
    )
    values = values[:, np.isfinite(values).all(axis=0)]
    low, high = intervals.confidence_interval(values)
    has_any = values.size > 0
    summary[name] = {
      "mean": float(values.mean()) if has_any else None,
      "low": low if has_any else None,
      "high": high if has_any else None,
      "pictures": values.shape[1],
      "of_pictures": len(runs[0]),
    }
  return summary
