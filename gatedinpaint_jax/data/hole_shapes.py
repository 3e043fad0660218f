"""What holes look like: the numbers of their distributions, nothing drawn.

Shared by the drawing in TensorFlow (`strokes.py`, `masks.py`) and the one in
Pillow (`drawn_holes.py`). The defaults are the released program's at 256 x 256.

Ranges are inclusive. Lengths of strokes are fractions of the picture's scale,
lengths of boxes fractions of its own height and width. Angles are radians.
"""

import dataclasses
import math

# The released program rounds half of its mean step, 45.25 pixels, down to 22.
_STEP_DEVIATION = 22 / (32 * math.sqrt(2))

KINDS = ("strokes", "boxes", "strokes_and_boxes", "files")


def scale(height: int, width: int) -> float:
  """Returns diagonal / sqrt(2) in pixels: the side, where both are equal."""
  return math.hypot(height, width) / math.sqrt(2)


@dataclasses.dataclass(frozen=True)
class Strokes:
  """Brush strokes that zig-zag around the horizontal, towards the right.

  Attributes:
    count: strokes in a mask.
    vertices: vertices of a stroke after its first.
    brush_width: thickness of a stroke.
    mean_step: mean distance of two vertices; normal, cut at 0 and at twice the
      mean.
    mean_angle: angle about which a stroke turns, up and down in turn.
    angle_range: a stroke's own angles lie at most this far from the mean.
  """

  count: tuple[int, int] = (1, 3)
  vertices: tuple[int, int] = (4, 11)
  brush_width: tuple[float, float] = (12 / 256, 39 / 256)
  mean_step: float = math.sqrt(2) / 8
  mean_angle: float = 2 * math.pi / 5
  angle_range: float = 2 * math.pi / 15

  def brush_pixels(self, height: int, width: int) -> tuple[int, int]:
    """Returns the thinnest and the thickest brush for a picture, in pixels."""
    low, high = (
      max(1, round(side * scale(height, width))) for side in self.brush_width
    )
    return low, high

  def step_pixels(self, height: int, width: int) -> tuple[float, float]:
    """Returns mean and deviation of the distance of two vertices, in pixels."""
    mean = self.mean_step * scale(height, width)
    return mean, mean * _STEP_DEVIATION


@dataclasses.dataclass(frozen=True)
class Boxes:
  """One upright box a mask, anywhere inside the picture.

  As released, it never touches the bottom or the right border unless it is as
  large as the picture.

  Attributes:
    size: height and width before shrinking.
    max_shrink: each side moves inwards by up to this, opposite sides alike.
  """

  size: tuple[float, float] = (0.5, 0.5)
  max_shrink: tuple[float, float] = (1 / 16, 1 / 16)

  def last_corner(self, height: int, width: int) -> tuple[int, int]:
    """Returns the greatest (top, left) that a box may have, in pixels."""
    box_height, box_width, _, _ = self.pixels(height, width)
    return max(height - box_height - 1, 0), max(width - box_width - 1, 0)

  def pixels(self, height: int, width: int) -> tuple[int, int, int, int]:
    """Returns box height, box width and the most each shrinks, in pixels."""
    return (
      round(self.size[0] * height),
      round(self.size[1] * width),
      round(self.max_shrink[0] * height),
      round(self.max_shrink[1] * width),
    )


@dataclasses.dataclass(frozen=True)
class Holes:
  """How masks are made.

  Attributes:
    kind: one of KINDS.
    flip: mirror masks left to right and upside down, each for every other one.
    strokes: shape of the strokes, where `kind` has any.
    boxes: shape of the boxes, where `kind` has any.
    paths: mask pictures to choose from, for "files".
    invert: for "files", below 128 is hole instead of 128 and above.
  """

  kind: str = "strokes_and_boxes"
  flip: bool = True
  strokes: Strokes = Strokes()
  boxes: Boxes = Boxes()
  paths: tuple[str, ...] = ()
  invert: bool = False
