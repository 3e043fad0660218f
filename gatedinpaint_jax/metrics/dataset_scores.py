"""Scores of a set of pictures, from one row of numbers per picture.

Means are taken over rows, so that they do not depend on batches, devices or the
order of the pictures.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.metrics import image_quality, intervals

# {score against the original: unit}
_PAIRED = {
  image_quality.relative_l1: "%",
  image_quality.relative_l2: "%",
  image_quality.l1: "%",
  image_quality.l2: "%",
  image_quality.psnr: "dB",
  image_quality.ssim: "",
}
# {name of a score: unit}, in the order of tables. The best total variation is
# that of the originals.
UNITS = {score.__name__: unit for score, unit in _PAIRED.items()} | {
  "total_variation": "%",
  "original_total_variation": "%",
  "lpips": "",
}


class Row(NamedTuple):
  """The scores of one picture."""

  name: str  # of the picture
  hole_fraction: float  # of its area, in [0, 1]
  # {score: number} over the entire picture, in the units of UNITS.
  whole: dict[str, float]
  # The same over the hole; empty without a hole. In rows read from a report,
  # None stands for a number that is not finite.
  hole: dict[str, float]


def score_picture(
  name: str, completed: np.ndarray, original: np.ndarray, hole: np.ndarray
) -> Row:
  """Scores a completed picture `[H, W, 3] uint8` with hole `[H, W] bool`."""
  whole, inside = jax.device_get(
    _scores(completed[None], original[None], hole[None, ..., None])
  )
  return Row(
    name,
    float(hole.mean()),
    _in_units(whole),
    _in_units(inside) if hole.any() else {},
  )


def summarise(*runs: Sequence[Row]) -> dict[str, dict[str, Any]]:
  """Returns the mean of each score over the pictures where it is finite.

  Left out are, for example, the PSNR of identical pictures, and pictures
  without a hole from the scores over the hole. Each run has rows of the same
  pictures in the same order.

  Returns:
    {"whole" and "hole": {score: {mean, low, high, pictures, of_pictures}}}.
    `low` and `high` bound the mean with 95 % confidence. The mean is over
    `pictures` of `of_pictures`; with none, it and its bounds are None.
  """
  return {
    part: _summarise_part([[getattr(row, part) for row in r] for r in runs])
    for part in ("whole", "hole")
  }


def subtract(rows: Sequence[Row], others: Sequence[Row]) -> list[Row]:
  """Returns the differences of scores, picture by picture.

  A score is left out unless both are finite.
  """
  if [row.name for row in rows] != [row.name for row in others]:
    raise ValueError("rows of different pictures are not a pair")
  return [
    ours._replace(
      whole=_subtract(ours.whole, theirs.whole),
      hole=_subtract(ours.hole, theirs.hole),
    )
    for ours, theirs in zip(rows, others, strict=True)
  ]


def summarise_bins(
  rows: Sequence[Row], bins: Sequence[tuple[int, int]]
) -> list[dict[str, Any]]:
  """Returns bounds, size and `summarise` of each bin that has pictures.

  Bins are hole fractions in percent, [low, high); 100 belongs to the bin that
  ends there.
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
      entry = {"hole_percent": [low, high], "pictures": len(inside)}
      found.append(entry | summarise(inside))
  return found


@jax.jit
def _scores(completed, original, hole):
  """Scores `[1, H, W, 3] uint8`; compiled once per size."""
  image, reference = (
    batch_lib.from_uint8(pixels.astype(jnp.float32))
    for pixels in (completed, original)
  )
  total_variation = image_quality.total_variation
  return tuple(
    {score.__name__: score(image, reference, mask=mask) for score in _PAIRED}
    | {
      "total_variation": total_variation(image, mask=mask),
      "original_total_variation": total_variation(reference, mask=mask),
    }
    for mask in (None, hole.astype(jnp.float32))
  )


def _subtract(ours, theirs) -> dict[str, float]:
  return {
    name: value - theirs[name]
    for name, value in ours.items()
    if value is not None and theirs.get(name) is not None
  }


def _in_units(scores) -> dict[str, float]:
  return {
    name: (100 if unit == "%" else 1) * float(scores[name][0])
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
    mean = low = high = None
    if values.size:
      mean = float(values.mean())
      low, high = intervals.confidence_interval(values)
    summary[name] = {
      "mean": mean,
      "low": low,
      "high": high,
      "pictures": values.shape[1],
      "of_pictures": len(runs[0]),
    }
  return summary
