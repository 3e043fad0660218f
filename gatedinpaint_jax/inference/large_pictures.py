"""Chooses how a large picture is filled.

exact   at once and at its own size; the time grows with the square of the area
crop    only windows around its holes, each of them exactly
detail  at a small size, with detail copied at full size; see `detail`
auto    exact up to 1024 x 1024 pixels; above, windows around its holes, of
        which those of up to 1024 x 1024 pixels exactly, others by detail
"""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gatedinpaint_jax import errors
from gatedinpaint_jax.inference import hole_windows

CHOICES = ("auto", "exact", "crop", "detail")
MOST_EXACT_PIXELS = 1024 * 1024
# What the generator sees of a reduced picture. It was trained on less, but
# fills holes better at this size than at half of it.
_MOST_REDUCED_PIXELS = 512 * 512

Size = tuple[int, int]  # (height, width)


class Part(NamedTuple):
  """A part of a picture that is computed at once."""

  window: tuple[slice, slice]  # rows and columns
  factor: int  # by which it is reduced, 1 if it is filled exactly

  @property
  def size(self) -> Size:
    """What the generator sees, before it is padded."""
    return _reduced((x.stop - x.start for x in self.window), self.factor)


class Plan(NamedTuple):
  """How a picture is filled."""

  parts: list[Part]  # none if it has no hole
  name: str  # "exact", "crop", "detail" or "crop and detail"
  reason: str | None  # why not exactly


def choose(
  hole: np.ndarray, large: str, padded: Callable[[int, int], Size]
) -> Plan:
  """Plans how to fill a hole `[H, W] bool`.

  `large` is one of `CHOICES`, and `padded` maps a size to that at which the
  generator computes such a picture.
  """
  whole = tuple(slice(0, side) for side in hole.shape)
  if not hole.any():
    return Plan([], "exact", None)
  if is_exact(hole.shape, large, padded):
    return Plan([Part(whole, 1)], "exact", None)
  windows = [whole] if large == "detail" else hole_windows.find(hole)
  most_exact = {"auto": MOST_EXACT_PIXELS, "crop": math.inf, "detail": -1}
  cropped, reduced = [], []
  for window in windows:
    part = Part(window, 1)
    if _pixels(part.size, padded) <= most_exact[large]:
      cropped.append(part)
    else:
      reduced.append(Part(window, _factor(part.size, padded)))
  return Plan(
    cropped + reduced,
    " and ".join(["crop"] * bool(cropped) + ["detail"] * bool(reduced)),
    _reason(hole.shape, large, reduced),
  )


def is_exact(
  size: Size, large: str, padded: Callable[[int, int], Size]
) -> bool:
  """Returns whether pictures of a size are filled exactly, for any hole."""
  most = {
    "auto": MOST_EXACT_PIXELS,
    "exact": math.inf,
    "crop": -1,
    "detail": _MOST_REDUCED_PIXELS,
  }
  return _pixels(size, padded) <= most[large]


def check_choice(large: str, *, has_attention: bool) -> None:
  """Raises UserError for an unknown choice, or one that a model cannot take."""
  errors.check_choice("`large`", large, CHOICES)
  if large == "detail" and not has_attention:
    raise errors.UserError(
      "`large`=detail: copies what contextual attention points at, which this"
      " model does not have; choose exact or crop"
    )


def _reduced(size, factor) -> Size:
  return tuple(-(-side // factor) for side in size)


def _factor(size, padded) -> int:
  return next(
    factor
    for factor in itertools.count(1)
    if _pixels(_reduced(size, factor), padded) <= _MOST_REDUCED_PIXELS
  )


def _pixels(size, padded) -> int:
  return math.prod(padded(*size))


def _reason(size, large, reduced) -> str:
  reason = f"`large`={large}"
  if large == "auto":
    where = ""
    if reduced:
      size = [x.stop - x.start for x in reduced[0].window]
      where = " around a hole"
    height, width = size
    reason = f"{width} x {height} pixels{where} are more than 1024 x 1024"
  if reduced:
    factors = sorted({part.factor for part in reduced})
    reason += f", reduced by {' and '.join(map(str, factors))}"
  return reason
