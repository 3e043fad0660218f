"""Strips of pictures for TensorBoard, and the attention as colours.

Works on NumPy arrays; colours are RGB, `uint8`.
"""

import numpy as np
from PIL import Image, ImageDraw

from gatedinpaint_jax import batch as batch_lib

PANELS = ("original", "masked", "coarse", "refined", "completed", "attention")
_LABEL_HEIGHT = 14
# Number of colours from each corner of the Middlebury wheel to the next; the
# six corners begin with red.
_WHEEL_SECTORS = (15, 6, 4, 11, 13, 6)


def strip(panels: np.ndarray) -> np.ndarray:
  """Stacks the rows of `draw_panels` under the names of `PANELS`."""
  return np.concatenate([_labels(panels.shape[2]), *panels])


def draw_panels(batch, output, completed) -> np.ndarray:
  """Draws a row of `PANELS` for each picture, `[N, H, 6 * W, 3] uint8`.

  Takes a `Batch`, its `GeneratorOutput` and the filled pictures. In the second
  panel the hole is white and a sketch is black.
  """
  image, mask = np.asarray(batch.image), np.asarray(batch.mask)
  masked = image * (1 - mask) + mask
  if batch.sketch is not None:
    masked = masked * (1 - batch.sketch) - batch.sketch
  height, width = image.shape[1:3]
  panels = [image, masked, output.coarse, output.refined, completed]
  columns = [batch_lib.to_uint8(panel) for panel in panels]
  colours = map(Image.fromarray, offset_colours(np.asarray(output.offsets)))
  enlarged = [
    x.resize((width, height), Image.Resampling.NEAREST) for x in colours
  ]
  columns.append(np.stack([np.asarray(x) for x in enlarged]))
  return np.concatenate(columns, axis=2)


def offset_colours(offsets: np.ndarray) -> np.ndarray:
  """Colours offsets: hue is the direction, saturation the length.

  Takes `[B, h, w, 2] int`, (rows, columns), and returns `[B, h, w, 3] uint8`.
  The longest offset of the batch is fully saturated, an offset of 0 is white.

  Source: colour wheel of Baker et al. 2011 (Middlebury optical flow), with rows
  on its first axis as in the released program.
  """
  wheel = _colour_wheel()
  rows, columns = np.moveaxis(np.asarray(offsets, np.float32), -1, 0)
  length = np.hypot(rows, columns)
  saturation = length / max(length.max(), np.finfo(np.float32).eps)
  angle = np.arctan2(-columns, -rows) / np.pi  # [-1, 1]
  position = (angle + 1) / 2 * (len(wheel) - 1)
  low = np.floor(position).astype(int)
  share = (position - low)[..., None]
  colour = (1 - share) * wheel[low] + share * wheel[(low + 1) % len(wheel)]
  colour = 1 - saturation[..., None] * (1 - colour)
  return np.floor(255 * colour).astype(np.uint8)


def _colour_wheel():
  """Returns `[55, 3] float32 in [0, 1]`: red, yellow, green, cyan, blue, ..."""
  corners = np.array(
    [(1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1)],
    np.float32,
  )
  sectors = []
  for i, count in enumerate(_WHEEL_SECTORS):
    start, end = corners[i], corners[(i + 1) % len(corners)]
    # The original wheel is rounded down to levels of 255.
    levels = np.floor(255 * np.arange(count) / count) / 255
    sectors.append(start + (end - start) * levels[:, None])
  return np.concatenate(sectors).astype(np.float32)


def _labels(width):
  """Draws the names of the panels, `[14, width, 3]`, black on white."""
  label = Image.new("RGB", (width, _LABEL_HEIGHT), "white")
  draw = ImageDraw.Draw(label)
  for i, name in enumerate(PANELS):
    draw.text((i * width // len(PANELS) + 2, 1), name, fill="black")
  return np.asarray(label)
