"""Training holes drawn with Pillow: the same distribution without TensorFlow.

The random numbers are not those of `masks.py`, so equal seeds do not give equal
masks, and the border of a stroke differs by a pixel.
"""

import numpy as np
from PIL import Image, ImageDraw

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import hole_files, hole_shapes, photo_files, remote


def draw_mask(
  draws: np.random.Generator,
  height: int,
  width: int,
  holes: hole_shapes.Holes,
) -> np.ndarray:
  """Returns one random mask, `[height, width, 1] uint8`, 1 = hole.

  Raises:
    UserError: if a mask picture cannot be read.
  """
  if holes.kind == "files":
    path = holes.paths[draws.integers(0, len(holes.paths))]
    hole = _read_hole(path, (height, width), invert=holes.invert)
  else:
    hole = _draw_shapes(draws, height, width, holes)
  left_to_right, upside_down = holes.draw_flips(draws)
  hole = hole[:, ::-1] if left_to_right else hole
  hole = hole[::-1] if upside_down else hole
  return hole.astype(np.uint8)[..., None]


def _draw_shapes(draws, height, width, holes) -> np.ndarray:
  picture = Image.new("L", (width, height))
  canvas = ImageDraw.Draw(picture)
  if "strokes" in holes.kind:
    for _ in range(draws.integers(*holes.strokes.count, endpoint=True)):
      _, points, brush = holes.strokes.draw(draws, height, width, np)
      points = [(x, y) for x, y in points.astype(int).tolist()]
      canvas.line(points, fill=1, width=int(brush))
      radius = int(brush // 2)
      for x, y in points:
        canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
  hole = np.asarray(picture) > 0
  if "boxes" in holes.kind:
    (top, left), (bottom, right) = holes.boxes.draw(draws, height, width)
    hole[top:bottom, left:right] = True
  return hole


def _read_hole(path, size, *, invert) -> np.ndarray:
  with errors.prefixed("config.mask.path: "):
    read = remote.read if remote.is_url(path) else photo_files.read_content
    file = read(path)
    with errors.prefixed(f"{path}: "):
      return hole_files.decode_mask(file, size, invert=invert)
