"""Chooses how a large picture is filled.

  exact   at once and at its own size
  crop    only windows around its holes, each of them exactly
  detail  at a small size, with detail copied at full size; see `detail`
  auto    exact up to 1024 x 1024 pixels; above, windows around its holes, of
          which those of up to 1024 x 1024 pixels exactly, others by detail

The time of an exact fill grows with the square of the area.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np

from gatedinpaint_jax import errors
from gatedinpaint_jax.inference import fit_size, hole_windows

CHOICES = ("auto", "exact", "crop", "detail")
MOST_EXACT_PIXELS = 1024 * 1024
# What the generator sees of a reduced picture. One that was trained on pictures
# of 128 x 128 filled strokes in four photographs with 3 to 18 % less l1 at this
# size than at half of its sides, and boxes with 15 % less to 17 % more.
_MOST_REDUCED_PIXELS = 512 * 512

Size = tuple[int, int]  # (height, width)


class Part(NamedTuple):
  """A part of a picture that is computed at once."""

  window: tuple[slice, slice]  # rows and columns
  factor: int  # by which it is reduced, 1 if it is filled exactly

  @property
  def size(self) -> Size:
    """What the generator sees, before it is padded to multiples of 8."""
    return _reduced((x.stop - x.start for x in self.window), self.factor)


class Plan(NamedTuple):
  """How a picture is filled."""

  parts: list[Part]  # none if it has no hole
  name: str  # "exact", "crop", "detail" or "crop and detail"
  reason: str | None  # why not exactly


def choose(hole: np.ndarray, large: str) -> Plan:
  """Plans how to fill a hole `[H, W] bool`; `large` is one of `CHOICES`."""
  whole = tuple(slice(0, side) for side in hole.shape)
  if not hole.any():
    return Plan([], "exact", None)
  if is_exact(hole.shape, large):
    return Plan([Part(whole, 1)], "exact", None)
  windows = [whole] if large == "detail" else hole_windows.find(hole)
  most_exact = {"auto": MOST_EXACT_PIXELS, "crop": math.inf, "detail": -1}
  cropped, reduced = [], []
  for window in windows:
    part = Part(window, 1)
    if _pixels(part.size) <= most_exact[large]:
      cropped.append(part)
    else:
      reduced.append(Part(window, _factor(part.size)))
  return Plan(
    cropped + reduced,
    " and ".join(["crop"] * bool(cropped) + ["detail"] * bool(reduced)),
    _reason(hole.shape, large, reduced),
  )


def is_exact(size: Size, large: str) -> bool:
  """Returns whether pictures of a size are filled exactly, for any hole."""
  most = {
    "auto": MOST_EXACT_PIXELS,
    "exact": math.inf,
    "crop": -1,
    "detail": _MOST_REDUCED_PIXELS,
  }
  return _pixels(size) <= most[large]


def check_choice(large: str, *, has_attention: bool) -> None:
  """Raises UserError for an unknown choice, or one that a model cannot take."""
  errors.check_choice("`large`", large, CHOICES)
  if large == "detail" and not has_attention:
    raise errors.UserError(
      "`large`=detail: needs contextual attention, which says what to copy; "
      "choose exact or crop"
    )


def _reduced(size, factor) -> Size:
  return tuple(-(-side // factor) for side in size)


def _factor(size) -> int:
  return next(
    factor
    for factor in itertools.count(1)
    if _pixels(_reduced(size, factor)) <= _MOST_REDUCED_PIXELS
  )


def _pixels(size) -> int:
  return math.prod(fit_size.round_up(size))


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
