"""Paints what became of some pictures, and chooses which to show."""

import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from gatedinpaint_jax.metrics import dataset_scores

# The first two columns; methods follow. A user study shows originals too.
ORIGINAL = "original"
MASKED = "with hole"
# Side of the tiles of a sheet, and the longest of a grid of `evaluate`.
TILE = 256
# Smaller pictures are enlarged; room for the longest name of a method.
_LEAST_TILE = 128
_GAP = 4
_LABEL_HEIGHT = 16
# Rows of the best, the median and the worst each.
_OF_EACH = 2


class Shown(NamedTuple):
  """A row: one picture and what methods made of it.

  Attributes:
    label: the text above it.
    original: `[H, W, 3] uint8`.
    hole: `[H, W] bool`.
    completed: `[H, W, 3] uint8` by method.
  """

  label: str
  original: np.ndarray
  hole: np.ndarray
  completed: Mapping[str, np.ndarray]


def choose(rows: Sequence[dataset_scores.Row]) -> dict[int, str]:
  """Returns which pictures to show, by position, and the label of each.

  The best, the median and the worst by l1 error in the hole, in this order. No
  picture is shown twice, and none without a hole.
  """
  ranked = sorted(
    (i for i, row in enumerate(rows) if row.hole),
    key=lambda i: rows[i].hole["l1"],
  )
  last = max(len(ranked) - _OF_EACH, 0)
  starts = {"best": 0, "median": last // 2, "worst": last}
  kinds = {}
  # Of few pictures, the median is what the others leave.
  for kind in ("best", "worst", "median"):
    for i in ranked[starts[kind] : starts[kind] + _OF_EACH]:
      kinds.setdefault(i, kind)
  return {
    i: f"{kind}: {rows[i].name}, hole {rows[i].hole_fraction:.0%}, l1 in it "
    f"{rows[i].hole['l1']:.1f} %"
    for kind in starts
    for i in ranked
    if kinds.get(i) == kind
  }


def draw_sheet(rows: Sequence[Shown]) -> np.ndarray:
  """Draws what one method made of pictures, each scaled to 256 pixels.

  Returns:
    `[N * (16 + 256), 3 * 260 - 4, 3] uint8`: originals, the same with a white
    hole, and completed; one white pixel if there are no rows.
  """
  lines = [
    (row.label, [_fit(panel, TILE) for panel in _panels(row)], TILE)
    for row in rows
  ]
  return _paint(lines, tile_width=TILE)


def draw_grid(
  rows: Sequence[Shown], *, most_side: int | None = None
) -> np.ndarray:
  """Draws what several methods made of pictures, with their names on top.

  Small pictures are enlarged by whole numbers, each pixel a square, until the
  longer side has 128 pixels.

  Args:
    rows: of the same methods.
    most_side: pictures with a longer side are scaled down to it.

  Returns:
    `[16 + sum of (16 + h), (2 + methods) * (w + 4) - 4, 3] uint8`; h is the
    height of a row, w the largest width; one white pixel if there are no rows.
  """
  lines = []
  for row in rows:
    tiles = [_enlarge(panel, most_side) for panel in _panels(row)]
    lines.append((row.label, tiles, tiles[0].height))
  widths = [tiles[0].width for _, tiles, _ in lines]
  names = [ORIGINAL, MASKED, *rows[0].completed] if rows else []
  return _paint(lines, tile_width=max([_LEAST_TILE, *widths]), names=names)


def to_png(image: np.ndarray) -> bytes:
  """Returns a picture, `[H, W, 3]` or `[H, W]` uint8, as a PNG file."""
  file = io.BytesIO()
  Image.fromarray(image).save(file, "PNG")
  return file.getvalue()


def _panels(row) -> list[np.ndarray]:
  masked = np.where(row.hole[..., None], np.uint8(255), row.original)
  return [row.original, masked, *row.completed.values()]


def _paint(lines, *, tile_width, names=()) -> np.ndarray:
  """Lays out lines of (label, tiles, height), with names above the columns."""
  if not lines:
    return np.full((1, 1, 3), 255, np.uint8)
  column = tile_width + _GAP
  top = _LABEL_HEIGHT if names else 0
  height = top + sum(_LABEL_HEIGHT + line[2] for line in lines)
  width = len(lines[0][1]) * column - _GAP
  sheet = Image.new("RGB", (width, height), "white")
  draw = ImageDraw.Draw(sheet)
  for j, name in enumerate(names):
    text = _end_that_fits(draw, name, tile_width - 2)
    draw.text((j * column + 2, 2), text, fill="black")
  for label, tiles, tile_height in lines:
    draw.text((2, top + 2), label, fill="black")
    for j, tile in enumerate(tiles):
      left = j * column + (tile_width - tile.width) // 2
      sheet.paste(tile, (left, top + _LABEL_HEIGHT))
    top += _LABEL_HEIGHT + tile_height
  return np.asarray(sheet)


def _fit(panel, side) -> Image.Image:
  """Scales a picture so that its longer side is `side`."""
  factor = side / max(panel.shape[:2])
  height, width = (max(round(x * factor), 1) for x in panel.shape[:2])
  picture = Image.fromarray(np.ascontiguousarray(panel))
  return picture.resize((width, height), Image.Resampling.LANCZOS)


def _enlarge(panel, most_side) -> Image.Image:
  side = max(panel.shape[:2])
  if most_side is not None and side > most_side:
    return _fit(panel, most_side)
  factor = -(-_LEAST_TILE // side)
  return Image.fromarray(panel.repeat(factor, axis=0).repeat(factor, axis=1))


def _end_that_fits(draw, name, width) -> str:
  """Returns a name or, if it is too long, its end: paths differ there."""
  text = name
  while draw.textlength(text) > width:
    name = name[1:]
    text = f"...{name}"
  return text
