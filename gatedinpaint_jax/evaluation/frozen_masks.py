"""Masks for comparisons, with identical pixels on every machine.

A mask depends only on (kind, seed, index, height, width) and is computed with
integers: from the words of Philox, which NumPy guarantees, unlike the output of
its distributions; and from a table of cosines, none of which is rounded near a
tie, so that the last bit of a machine's `cos` does not matter.

The target of mask `index` is the bin `index % 6` of BINS, the hole fractions of
Liu et al. 2018 (partial convolutions, 4.3): six consecutive masks have one mask
in each bin. Within a bin, the target fraction is uniform.

  free_form  the strokes of Yu et al. 2019 (3.4) as in training, with the
             distributions of `data.hole_shapes.Strokes`, added until the
             fraction is reached, which cuts the last one short. Of training
             masks with only strokes, 5 in 100 exceed 30 %, 4 in 1000 40 %.
  rectangle  one axis-aligned box of that area at a random position, its sides
             within a factor of 2 of the picture's proportions.
"""

import hashlib
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

KINDS = ("free_form", "rectangle")
# Hole fractions in percent, [low, high).
BINS = tuple((low, low + 10) for low in range(0, 60, 10))

# Fixed point: fractions and lengths are multiples of 1 / _ONE.
_ONE = 1 << 16
# Angles are in half degrees.
_TURN = 720
COSINES = tuple(
  round(_ONE * math.cos(2 * math.pi * i / _TURN)) for i in range(_TURN)
)
# Copied from `data.hole_shapes.Strokes`, which may change. Lengths are
# fractions of the picture's scale.
VERTICES = (4, 11)
BRUSH_WIDTH = (_ONE * 12 // 256, _ONE * 39 // 256)
MEAN_STEP = 11585  # sqrt(2) / 8
STEP_DEVIATION = 5632  # 22 / 256
MEAN_ANGLE = 144  # 72 degrees
ANGLE_RANGE = 48  # 24 degrees
# Attempts to hit a bin; a tiny picture may have no such mask.
_ATTEMPTS = 64


class MaskSet(NamedTuple):
  """An endless sequence of masks: one of KINDS, and a seed of 0 or above."""

  kind: str
  seed: int = 0

  def mask(self, index: int, height: int, width: int) -> np.ndarray:
    """Returns mask `index`, `[H, W] bool` with True for hole.

    It looks alike at all sizes of the same proportions.
    """
    draw = _Draws(f"{self.kind} {self.seed} {index}")
    percents = BINS[index % len(BINS)]
    low, high = (_ONE * edge // 100 for edge in percents)
    make = {"free_form": _free_form, "rectangle": _rectangle}[self.kind]
    for _ in range(_ATTEMPTS):
      mask = make(draw, height, width, draw.integer(low, high - 1))
      share = 100 * int(mask.sum())
      if percents[0] * mask.size <= share < percents[1] * mask.size:
        break
    return mask


def mask_digest(mask: np.ndarray) -> str:
  """Returns a hash of a mask's size and pixels."""
  height, width = mask.shape
  content = f"{height} {width} ".encode() + np.packbits(mask).tobytes()
  return hashlib.sha256(content).hexdigest()


def set_digest(mask_digests: Iterable[str]) -> str:
  """Returns 16 hexadecimal digits that identify a sequence of masks."""
  return hashlib.sha256(" ".join(mask_digests).encode()).hexdigest()[:16]


class _Draws:
  """A stream of pseudorandom integers, seeded by a name."""

  def __init__(self, name: str):
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")
    self._words = np.random.Philox(key=key)

  def integer(self, low: int, high: int) -> int:
    """Returns an integer in [low, high], uniform to one part in 2**40."""
    word = int(self._words.random_raw())
    return low + (word * (high - low + 1) >> 64)

  def normal(self, mean: int, deviation: int) -> int:
    """Returns an approximately normal number: the sum of 12 uniform ones."""
    total = sum(self.integer(0, _ONE - 1) for _ in range(12)) - 6 * _ONE
    return mean + (deviation * total >> 16)


def _free_form(draw, height, width, fraction) -> np.ndarray:
  """Returns strokes that cover at least `fraction` / `_ONE` of the picture."""
  mask = np.zeros((height, width), bool)
  # diagonal / sqrt(2), in 1 / _ONE pixels
  scale = math.isqrt((height**2 + width**2) << 31)
  wanted = -(-fraction * mask.size // _ONE)
  while not mask.any() or mask.sum() < wanted:
    _add_stroke(draw, mask, scale, wanted)
  across, down = draw.integer(0, 1), draw.integer(0, 1)
  return np.ascontiguousarray(
    mask[:: -1 if down else 1, :: -1 if across else 1]
  )


def _add_stroke(draw, mask, scale, wanted) -> None:
  """Draws one zig-zag as in training, stopping when enough is covered."""
  height, width = mask.shape
  thinnest, thickest = (
    max(1, (side * scale + (1 << 31)) >> 32) for side in BRUSH_WIDTH
  )
  brush = draw.integer(thinnest, thickest)
  low = MEAN_ANGLE - draw.integer(0, ANGLE_RANGE)
  high = MEAN_ANGLE + draw.integer(0, ANGLE_RANGE)
  x, y = draw.integer(0, width - 1), draw.integer(0, height - 1)
  _draw_disc(mask, x, y, brush // 2)
  for step in range(draw.integer(*VERTICES)):
    angle = draw.integer(low, high)
    if step % 2 == 0:
      angle = _TURN - angle
    length = draw.normal(MEAN_STEP, STEP_DEVIATION)
    length = min(max(length, 0), 2 * MEAN_STEP) * scale  # in 2**-32 pixels
    to_x = x + (length * COSINES[angle] >> 48)
    to_y = y + (length * COSINES[(angle - _TURN // 4) % _TURN] >> 48)
    to_x, to_y = min(max(to_x, 0), width), min(max(to_y, 0), height)
    _draw_segment(mask, (x, y), (to_x, to_y), brush)
    x, y = to_x, to_y
    _draw_disc(mask, x, y, brush // 2)
    if mask.sum() >= wanted:
      return


def _draw_segment(mask, start, end, brush) -> None:
  """Draws a segment d = b - a of length L and width w, as `data.strokes` does.

  A point p is inside if 0 <= d.(p - a) <= L^2 and |d x (p - a)| <= w L / 2.
  """
  (x0, y0), (x1, y1) = start, end
  dx, dy = x1 - x0, y1 - y0
  square = dx**2 + dy**2
  if not square:
    return
  rows, columns = (
    np.arange(max(min(a, b) - brush, 0), min(max(a, b) + brush + 1, most))
    for a, b, most in ((y0, y1, mask.shape[0]), (x0, x1, mask.shape[1]))
  )
  down, right = (rows - y0)[:, None], (columns - x0)[None]
  along = dx * right + dy * down
  across = np.abs(dx * down - dy * right)
  half = math.isqrt(brush**2 * square // 4)  # floor(w L / 2)
  inside = (along >= 0) & (along <= square) & (across <= half)
  mask[np.ix_(rows, columns)] |= inside


def _draw_disc(mask, x, y, radius) -> None:
  """Draws a disc with a diameter of 2 r + 1 pixels: x^2 + y^2 <= r^2 + r."""
  top, left = max(y - radius, 0), max(x - radius, 0)
  part = mask[top : y + radius + 1, left : x + radius + 1]
  down = np.arange(top, top + part.shape[0])[:, None] - y
  right = np.arange(left, left + part.shape[1])[None] - x
  part |= down**2 + right**2 <= radius**2 + radius


def _rectangle(draw, height, width, fraction) -> np.ndarray:
  """Returns a box that covers about `fraction` / `_ONE` of the picture."""
  area = max(fraction * height * width // _ONE, 1)
  # The height is between 1 / sqrt(2) and sqrt(2) times sqrt(fraction) of the
  # picture's, and large enough for the width to fit.
  lowest = max(
    math.isqrt(fraction * height**2 // (2 * _ONE)), -(-area // width), 1
  )
  highest = min(math.isqrt(2 * fraction * height**2 // _ONE), height)
  box_height = draw.integer(lowest, max(highest, lowest))
  box_width = min(max((area + box_height // 2) // box_height, 1), width)
  top = draw.integer(0, height - box_height)
  left = draw.integer(0, width - box_width)
  mask = np.zeros((height, width), bool)
  mask[top : top + box_height, left : left + box_width] = True
  return mask
