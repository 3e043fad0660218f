"""Scores of a set of pictures, from one row of numbers per picture.

Means are taken over rows, so that they do not depend on batches, devices or the
order of the pictures.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import values as values_lib
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
# Errors in the units of the data, of what is found minus what is right. They
# are of all channels together or, as "mae_of_channel_0", of one.
_IN_DATA_UNITS = {
  "mae": lambda gap: np.abs(gap).mean(),
  "rmse": lambda gap: np.sqrt(np.square(gap).mean()),
}
_OF_CHANNEL = "_of_channel_"


class Row(NamedTuple):
  """The scores of one picture."""

  name: str  # of the picture
  hole_fraction: float  # of its area, in [0, 1]
  # {score: number} over the entire picture, in the units of UNITS; empty for a
  # picture without any data.
  whole: dict[str, float]
  # The same over the hole; empty without a hole. In rows read from a report,
  # None stands for a number that is not finite.
  hole: dict[str, float]


def is_in_data_units(score: str) -> bool:
  """Returns whether a score is in the units of the data."""
  return score.partition(_OF_CHANNEL)[0] in _IN_DATA_UNITS


def score_picture(
  name: str,
  completed: np.ndarray,
  original: np.ndarray,
  hole: np.ndarray,
  missing: np.ndarray | None = None,
  *,
  values: values_lib.Values = values_lib.PHOTOGRAPHS,
) -> Row:
  """Scores a completed picture `[H, W, C]` with hole `[H, W] bool`.

  Both pictures are of `values`. `missing`, likewise, is where the original has
  no data, and outside of the hole; it is in no score.
  """
  known = np.ones(hole.shape, bool) if missing is None else ~missing
  mask = None if known.all() else known[None, ..., None]
  pictures = (_prepare(x, values, known)[None] for x in (completed, original))
  whole, inside = jax.device_get(
    _scores(*pictures, hole[None, ..., None], mask)
  )
  row = Row(
    name,
    float(hole.mean()),
    _in_units(whole) if known.any() else {},
    _in_units(inside) if hole.any() else {},
  )
  if hole.any() and values != values_lib.PHOTOGRAPHS:
    row.hole.update(_in_data_units(completed[hole], original[hole], values))
  return row


def without_data_units(row: Row) -> Row:
  """Returns a row without the scores in the units of the data."""
  kept = {n: v for n, v in row.hole.items() if not is_in_data_units(n)}
  return row._replace(hole=kept)


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


def _prepare(pixels, values, known) -> np.ndarray:
  """Returns levels of photographs, else float32 in [-1, 1], 0 if not known."""
  if values.are_levels and pixels.dtype == np.uint8:
    return pixels
  return np.where(known[..., None], values.normalize(pixels), np.float32(0))


@jax.jit
def _scores(completed, original, hole, known):
  """Scores what `_prepare` returns, in batches of one; compiled once per size.

  `hole` and `known` are `[1, H, W, 1] bool`; if all is known, None.
  """
  image, reference = (
    batch_lib.from_uint8(pixels.astype(jnp.float32))
    if pixels.dtype == jnp.uint8
    else pixels
    for pixels in (completed, original)
  )
  hole, known = (
    x if x is None else x.astype(jnp.float32) for x in (hole, known)
  )
  variation = functools.partial(image_quality.total_variation, known=known)
  return tuple(
    {score.__name__: score(image, reference, mask=mask) for score in _PAIRED}
    | {
      "total_variation": variation(image, mask=mask),
      "original_total_variation": variation(reference, mask=mask),
    }
    for mask in (known, hole)
  )


def _in_data_units(found, right, values) -> dict[str, float]:
  """Returns the errors of `[N, C]`; if ranges differ, of each channel apart.

  Then units may differ too, and a mean of metres and degrees says nothing.
  """
  gaps = found.astype(np.float64) - right
  parts = {"": gaps}
  if len({*values.ranges}) > 1:
    parts = {f"{_OF_CHANNEL}{i}": gap for i, gap in enumerate(gaps.T)}
  return {
    f"{name}{suffix}": float(measure(gap))
    for name, measure in _IN_DATA_UNITS.items()
    for suffix, gap in parts.items()
  }


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
  found = {name: None for scores in runs for row in scores for name in row}
  summary = {}
  further = (name for name in found if name not in UNITS)
  for name in (*filter(found.__contains__, UNITS), *further):
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
