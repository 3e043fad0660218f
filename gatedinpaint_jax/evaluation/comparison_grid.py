"""One picture of what several methods made of the same pictures and holes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from gatedinpaint_jax.evaluation import contact_sheet

# The first two columns; methods follow. A study has the originals too.
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


def draw(rows: Sequence[Shown], *, most_side: int | None = None) -> np.ndarray:
  """Draws a row for each picture: original, with its hole white, each method.

  Pictures are enlarged by whole numbers, each pixel a square, so that their
  longer side is 128 at least.

  Args:
    rows: at least one, of the same methods.
    most_side: pictures with a longer side are scaled down to it; None for none.

  Returns:
    `[16 + sum of (16 + h), (2 + methods) * (w + 4) - 4, 3] uint8`, white
    between tiles; h is a row's height, w the largest width.
  """
  names = [ORIGINAL, MASKED, *rows[0].completed]
  tiles = [
    [_tile(panel, most_side) for panel in _panels(row, names[2:])]
    for row in rows
  ]
  tile_width = max(_LEAST_TILE, *(line[0].width for line in tiles))
  label, gap = contact_sheet.LABEL_HEIGHT, contact_sheet.GAP
  sheet = Image.new(
    "RGB",
    (
      len(names) * (tile_width + gap) - gap,
      label + sum(label + line[0].height for line in tiles),
    ),
    "white",
  )
  draw_on = ImageDraw.Draw(sheet)
  for j, name in enumerate(names):
    text = _end_that_fits(draw_on, name, tile_width - 2)
    draw_on.text((j * (tile_width + gap) + 2, 2), text, fill="black")
  top = label
  for row, line in zip(rows, tiles, strict=True):
    draw_on.text((2, top + 2), row.label, fill="black")
    for j, tile in enumerate(line):
      left = j * (tile_width + gap) + (tile_width - tile.width) // 2
      sheet.paste(tile, (left, top + label))
    top += label + line[0].height
  return np.asarray(sheet)


def _panels(row, names) -> list[np.ndarray]:
  masked = np.where(row.hole[..., None], np.uint8(255), row.original)
  return [row.original, masked, *map(row.completed.get, names)]


def _tile(panel, most_side) -> Image.Image:
  """Returns a picture, enlarged or scaled down."""
  side = max(panel.shape[:2])
  if most_side is not None and side > most_side:
    return contact_sheet.fit(panel, most_side)
  factor = -(-_LEAST_TILE // side)
  return Image.fromarray(panel.repeat(factor, axis=0).repeat(factor, axis=1))


def _end_that_fits(draw_on, name, width) -> str:
  """Returns a name; of a long one the end, which tells paths apart."""
  text = name
  while draw_on.textlength(text) > width:
    name = name[1:]
    text = f"...{name}"
  return text
