"""What holes look like: distributions, and shapes drawn from them.

The attributes are the keys of `config.mask`; `configs/places2.py` describes
them. Both routes to a mask use these shapes: `masks.py` fills them in
TensorFlow, `pillow_masks.py` with Pillow. The random numbers come from a
`numpy.random.Generator` or, in TensorFlow, from `tensorflow_draws.Draws`.

The defaults are the released program's at 256 x 256.
"""

import dataclasses
import math
from types import ModuleType
from typing import Any

import numpy as np

# Of a step, relative to its mean. The released program rounds half of its mean
# step, 45.25 pixels, down to 22.
STEP_DEVIATION = 22 / (32 * math.sqrt(2))

# Each names what holes have.
KINDS = ("strokes", "boxes", "strokes_and_boxes", "files")


def _scale(height, width) -> float:
  """Returns diagonal / sqrt(2) in pixels: the side of a square picture."""
  return math.hypot(height, width) / math.sqrt(2)


@dataclasses.dataclass(frozen=True)
class Strokes:
  """Brush strokes that zig-zag around the horizontal, towards the right."""

  count: tuple[int, int] = (1, 3)
  vertices: tuple[int, int] = (4, 11)
  brush_width: tuple[float, float] = (12 / 256, 39 / 256)
  mean_step: float = math.sqrt(2) / 8
  mean_angle: float = 2 * math.pi / 5
  angle_range: float = 2 * math.pi / 15

  def draw(
    self, draws: Any, height: int, width: int, xp: ModuleType
  ) -> tuple[Any, Any, Any]:
    """Draws one stroke, or one for each row of a batch's numbers.

    The released program limits x by the height and y by the width, which shows
    on pictures that are not square and is not repeated here. `xp` is the
    library of the numbers, `numpy` or `tensorflow`.

    Returns:
      How many vertices follow the first; integer points (x, y),
      `[..., V + 1, 2]`, of which a batch has as many as its longest stroke may
      need; and the thickness in pixels.
    """
    # Another order of these draws would give other masks for arrays.
    vertices = draws.integers(*self.vertices, endpoint=True)
    # The stroke's own range of angles, [mean - u r, mean + v r].
    low = self.mean_angle - draws.random() * self.angle_range
    high = self.mean_angle + draws.random() * self.angle_range
    angle = low + draws.random(vertices) * (high - low)  # [..., V]
    # Rows count downwards, so that angle a goes down and 2 pi - a up.
    is_up = np.arange(angle.shape[-1]) % 2 == 0
    angle = xp.where(is_up, 2 * math.pi - angle, angle)
    # Normal, cut to [0, 2 mean].
    mean = self.mean_step * _scale(height, width)
    length = mean + draws.standard_normal(vertices) * (mean * STEP_DEVIATION)
    length = xp.minimum(xp.maximum(length, 0), 2 * mean)
    step = xp.stack([length * xp.cos(angle), length * xp.sin(angle)], axis=-1)
    points = [draws.integers(0, (width - 1, height - 1), endpoint=True)]
    limit = np.float64([width, height])
    for i in range(step.shape[-2]):
      moved = xp.maximum(points[-1] + step[..., i, :], 0)
      # Rounded before the next step, so that no rounding error adds up.
      points.append(xp.floor(xp.minimum(moved, limit)))
    brush = draws.integers(
      *(max(1, round(x * _scale(height, width))) for x in self.brush_width),
      endpoint=True,
    )
    return vertices, xp.stack(points, axis=-2), brush


@dataclasses.dataclass(frozen=True)
class Boxes:
  """One upright box a mask, anywhere inside the picture.

  As released, it never touches the bottom or the right border unless it is as
  large as the picture.
  """

  size: tuple[float, float] = (0.5, 0.5)
  max_shrink: tuple[float, float] = (1 / 16, 1 / 16)

  def draw(self, draws: Any, height: int, width: int) -> tuple[Any, Any]:
    """Draws one box, or one for each row of a batch's numbers.

    Returns:
      Its (top, left) and the (bottom, right) just outside it, `[..., 2]`.
    """
    size, shrink = (
      (round(parts[0] * height), round(parts[1] * width))
      for parts in (self.size, self.max_shrink)
    )
    last = (max(height - size[0] - 1, 0), max(width - size[1] - 1, 0))
    drawn = draws.integers(0, (*last, *shrink), endpoint=True)
    corner, inset = drawn[..., :2], drawn[..., 2:]
    return corner + inset, corner + size - inset


@dataclasses.dataclass(frozen=True)
class Holes:
  """How masks are made; `paths` are the mask pictures of the kind "files"."""

  kind: str = "strokes_and_boxes"
  flip: bool = True
  strokes: Strokes = Strokes()
  boxes: Boxes = Boxes()
  paths: tuple[str, ...] = ()
  invert: bool = False

  def draw_flips(self, draws: Any) -> Any:
    """Returns whether to mirror left to right and upside down, `[2] bool`."""
    return draws.random(2) < 0.5 if self.flip else np.array([False, False])
