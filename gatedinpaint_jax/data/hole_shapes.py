"""What holes look like: the numbers of their distributions, nothing drawn.

Shared by the drawing in TensorFlow (`strokes.py`, `masks.py`) and the one in
Pillow (`drawn_holes.py`). The defaults are the released program's at 256 x 256.

Ranges are inclusive. Lengths of strokes are fractions of the picture's scale,
lengths of boxes fractions of its own height and width. Angles are radians.
"""

import dataclasses
import math

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
    mean_step: mean distance of two vertices; normal, half of it is the
      deviation, cut at 0 and at twice the mean.
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

  def mean_step_pixels(self, height: int, width: int) -> float:
    """Returns the mean distance of two vertices, in pixels."""
    return self.mean_step * scale(height, width)


@dataclasses.dataclass(frozen=True)
class Boxes:
  """One upright box a mask, anywhere inside the picture.

  Attributes:
    size: height and width before shrinking.
    max_shrink: each side moves inwards by up to this, opposite sides alike.
  """

  size: tuple[float, float] = (0.5, 0.5)
  max_shrink: tuple[float, float] = (1 / 16, 1 / 16)

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
