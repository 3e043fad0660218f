"""Chooses pictures to show, and draws what several methods made of them."""

import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax import visualize
from gatedinpaint_jax.evaluation import cases
from gatedinpaint_jax.metrics import dataset_scores

# The first two columns; methods follow. A user study shows originals too.
ORIGINAL = "original"
MASKED = "with hole"
# Smaller pictures are enlarged, so that the longest method name fits.
_MIN_SIDE = 128
_GAP = 4
_LABEL_HEIGHT = 16
# How many of the best, median and worst pictures each.
_PER_KIND = 2


class Shown(NamedTuple):
  """A row of a grid."""

  label: str  # the text above it
  original: np.ndarray  # `[H, W, 3] uint8`
  hole: np.ndarray  # `[H, W] bool`
  completed: Mapping[str, np.ndarray]  # `[H, W, 3] uint8` by method


def show(
  label: str,
  loaded: cases.Loaded,
  completed: Mapping[str, np.ndarray],
  values: values_lib.Values,
  channels: Sequence[int] = (),
) -> Shown:
  """Draws a row of completed pictures in the scale of their original.

  The label says what that scale is, unless they are photographs; `channels` are
  those to show, as in `visualize.fit_scale`.
  """
  # A file may say by itself what is missing, so that `values` does not know it.
  missing = loaded.missing[..., None]
  known = loaded.image[~loaded.missing][None]
  scale = visualize.fit_scale([known], values, channels)
  draw = lambda image: np.where(
    missing, np.uint8(visualize.MISSING), scale.draw(image)
  )
  return Shown(
    "; ".join(filter(None, (label, scale.text))),
    draw(loaded.image),
    loaded.hole,
    {name: draw(image) for name, image in completed.items()},
  )


def choose(rows: Sequence[dataset_scores.Row]) -> dict[int, str]:
  """Returns {index: label} of the best, median and worst pictures.

  They are ranked by the l1 error in the hole, and chosen once at most. Pictures
  without a hole are skipped.
  """
  ranked = sorted(
    (i for i, row in enumerate(rows) if row.hole),
    key=lambda i: rows[i].hole["l1"],
  )
  last = max(len(ranked) - _PER_KIND, 0)
  starts = {"best": 0, "median": last // 2, "worst": last}
  kinds = {}
  # If there are few pictures, the best and the worst go first.
  for kind in ("best", "worst", "median"):
    for i in ranked[starts[kind] : starts[kind] + _PER_KIND]:
      kinds.setdefault(i, kind)
  return {
    i: f"{kind}: {rows[i].name}, hole {rows[i].hole_fraction:.0%}, l1 in it "
    f"{rows[i].hole['l1']:.1f} %"
    for kind in starts
    for i in ranked
    if kinds.get(i) == kind
  }


def draw_grid(
  rows: Sequence[Shown], *, max_side: int | None = None
) -> np.ndarray:
  """Draws a row per picture and a column per method, with labels.

  Pictures whose longer side is below 128 pixels are enlarged by an integer,
  those above `max_side` are scaled down. Without rows, draws one white pixel.
  """
  if not rows:
    return np.full((1, 1, 3), 255, np.uint8)
  tiles = []
  for row in rows:
    masked = np.where(row.hole[..., None], np.uint8(255), row.original)
    panels = row.original, masked, *row.completed.values()
    tiles.append([_resize(panel, max_side) for panel in panels])
  tile_width = max(_MIN_SIDE, *(line[0].width for line in tiles))
  column = tile_width + _GAP
  names = [ORIGINAL, MASKED, *rows[0].completed]
  height = sum(_LABEL_HEIGHT + line[0].height for line in tiles)
  grid = Image.new(
    "RGB", (len(names) * column - _GAP, _LABEL_HEIGHT + height), "white"
  )
  draw = ImageDraw.Draw(grid)
  for j, name in enumerate(names):
    text = name
    while draw.textlength(text) > tile_width - 2:
      # Keeps the end, because paths differ there.
      name = name[1:]
      text = f"...{name}"
    draw.text((j * column + 2, 2), text, fill="black")
  top = _LABEL_HEIGHT
  for row, line in zip(rows, tiles, strict=True):
    draw.text((2, top + 2), row.label, fill="black")
    for j, tile in enumerate(line):
      left = j * column + (tile_width - tile.width) // 2
      grid.paste(tile, (left, top + _LABEL_HEIGHT))
    top += _LABEL_HEIGHT + line[0].height
  return np.asarray(grid)


def to_png(image: np.ndarray) -> bytes:
  """Returns a picture, `[H, W, 3]` or `[H, W]` uint8, as a PNG file."""
  file = io.BytesIO()
  Image.fromarray(image).save(file, "PNG")
  return file.getvalue()


def to_npy(image: np.ndarray) -> bytes:
  """Returns a picture of any channels and type as an .npy file."""
  file = io.BytesIO()
  np.save(file, image)
  return file.getvalue()


def _resize(panel, max_side) -> Image.Image:
  side = max(panel.shape[:2])
  if max_side is not None and side > max_side:
    height, width = (
      max(round(x * max_side / side), 1) for x in panel.shape[:2]
    )
    picture = Image.fromarray(np.ascontiguousarray(panel))
    return picture.resize((width, height), Image.Resampling.LANCZOS)
  factor = -(-_MIN_SIDE // side)
  return Image.fromarray(panel.repeat(factor, axis=0).repeat(factor, axis=1))
