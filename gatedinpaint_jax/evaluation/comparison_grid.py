"""One picture of what several methods made of the same pictures and holes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from gatedinpaint_jax.evaluation import contact_sheet

# The first two columns; methods follow.
ORIGINAL = "original"
MASKED = "with hole"
# Smaller pictures are enlarged; room for the longest name of a method.
_LEAST_TILE = 128


class Shown(NamedTuple):
  """One row of the grid.

  Attributes:
    label: the line above it.
    original: `[H, W, 3] uint8`.
    hole: `[H, W] bool`.
    completed: `[H, W, 3] uint8` by method.
  """

  label: str
  original: np.ndarray
  hole: np.ndarray
  completed: Mapping[str, np.ndarray]


def draw(rows: Sequence[Shown]) -> np.ndarray:
  """Draws a row for each picture: original, with its hole white, each method.

  Pictures are enlarged by whole numbers, each pixel a square, so that their
  longer side is 128 at least.

  Args:
    rows: at least one; pictures of one size and the same methods in all.

  Returns:
    `[16 + N * (16 + h), (2 + methods) * (w + 4) - 4, 3] uint8`, white between
    tiles of h x w.
  """
  height, width = rows[0].hole.shape
  factor = -(-_LEAST_TILE // max(height, width))
  tile_height, tile_width = factor * height, max(factor * width, _LEAST_TILE)
  label, gap = contact_sheet.LABEL_HEIGHT, contact_sheet.GAP
  names = [ORIGINAL, MASKED, *rows[0].completed]
  sheet = Image.new(
    "RGB",
    (
      len(names) * (tile_width + gap) - gap,
      label + len(rows) * (label + tile_height),
    ),
    "white",
  )
  draw_on = ImageDraw.Draw(sheet)
  for j, name in enumerate(names):
    draw_on.text((j * (tile_width + gap) + 2, 2), name, fill="black")
  for i, row in enumerate(rows):
    top = label + i * (label + tile_height)
    draw_on.text((2, top + 2), row.label, fill="black")
    masked = np.where(row.hole[..., None], np.uint8(255), row.original)
    panels = [row.original, masked, *map(row.completed.get, names[2:])]
    for j, panel in enumerate(panels):
      enlarged = panel.repeat(factor, axis=0).repeat(factor, axis=1)
      left = j * (tile_width + gap) + (tile_width - enlarged.shape[1]) // 2
      sheet.paste(Image.fromarray(enlarged), (left, top + label))
  return np.asarray(sheet)
