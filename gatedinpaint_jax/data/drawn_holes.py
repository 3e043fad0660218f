"""Training holes drawn with Pillow: the same distribution without TensorFlow.

The shapes come from the same numbers as those of `strokes.py` and `masks.py`;
the random draws differ, so equal seeds do not give equal masks.
"""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors
from gatedinpaint_jax.data import hole_shapes, remote


def draw_mask(
  generator: np.random.Generator,
  height: int,
  width: int,
  holes: hole_shapes.Holes,
) -> np.ndarray:
  """Returns one random mask, `[height, width, 1] float32`, 1 = hole.

  Raises:
    UserError: if a mask picture cannot be read.
  """
  if holes.kind == "files":
    hole = _pick_file(generator, height, width, holes)
  else:
    picture = Image.new("L", (width, height))
    canvas = ImageDraw.Draw(picture)
    if holes.kind in {"strokes", "strokes_and_boxes"}:
      _draw_strokes(generator, canvas, height, width, holes.strokes)
    if holes.kind in {"boxes", "strokes_and_boxes"}:
      _draw_box(generator, canvas, height, width, holes.boxes)
    hole = np.asarray(picture) > 0
  if holes.flip:
    across, down = generator.random(2) < 0.5
    hole = hole[:, ::-1] if across else hole
    hole = hole[::-1] if down else hole
  return hole.astype(np.float32)[..., None]


def _draw_strokes(generator, canvas, height, width, shape):
  for _ in range(_whole(generator, shape.count)):
    vertices = _vertices(generator, height, width, shape)
    brush = _whole(generator, shape.brush_pixels(height, width))
    canvas.line(vertices, fill=1, width=brush)
    radius = brush // 2
    for x, y in vertices:
      canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)


def _vertices(generator, height, width, shape) -> Sequence[tuple[int, int]]:
  """Returns a zig-zag of whole (x, y), each cut to the picture."""
  count = _whole(generator, shape.vertices)
  low = shape.mean_angle - generator.uniform(0, shape.angle_range)
  high = shape.mean_angle + generator.uniform(0, shape.angle_range)
  angles = generator.uniform(low, high, count)
  angles[::2] = 2 * math.pi - angles[::2]
  mean, deviation = shape.step_pixels(height, width)
  lengths = np.clip(generator.normal(mean, deviation, count), 0, 2 * mean)
  x, y = int(generator.integers(width)), int(generator.integers(height))
  vertices = [(x, y)]
  for angle, length in zip(angles, lengths, strict=True):
    x = int(min(max(x + length * math.cos(angle), 0), width))
    y = int(min(max(y + length * math.sin(angle), 0), height))
    vertices.append((x, y))
  return vertices


def _draw_box(generator, canvas, height, width, shape):
  box_height, box_width, shrink_y, shrink_x = shape.pixels(height, width)
  last_top, last_left = shape.last_corner(height, width)
  top = _whole(generator, (0, last_top))
  left = _whole(generator, (0, last_left))
  move_y = _whole(generator, (0, shrink_y))
  move_x = _whole(generator, (0, shrink_x))
  # Pillow includes the corner at the bottom right.
  canvas.rectangle(
    (
      left + move_x,
      top + move_y,
      left + box_width - move_x - 1,
      top + box_height - move_y - 1,
    ),
    fill=1,
  )


def _whole(generator, bounds) -> int:
  """Returns a whole number from bounds[0] to bounds[1], inclusive."""
  return int(generator.integers(bounds[0], bounds[1], endpoint=True))


def _pick_file(generator, height, width, holes) -> np.ndarray:
  path = holes.paths[generator.integers(len(holes.paths))]
  try:
    where = path
    if remote.is_url(path):
      where = remote.read(path, key="config.mask.path")
    with Image.open(where) as picture:
      grey = picture.convert("L").resize((width, height), Image.NEAREST)
  except (OSError, ValueError, Image.DecompressionBombError):
    raise errors.UserError(
      f"config.mask.path: cannot read {path} as a picture; replace or remove it"
    ) from None
  hole = np.asarray(grey) >= batch_lib.HOLE_LEVEL
  return ~hole if holes.invert else hole
