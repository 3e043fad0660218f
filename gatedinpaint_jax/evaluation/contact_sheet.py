"""One picture of the best, the median and the worst results."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from gatedinpaint_jax.evaluation import output_files
from gatedinpaint_jax.metrics import dataset_scores

# Rows of each kind.
_OF_EACH = 2
TILE = 256
GAP = 4
LABEL_HEIGHT = 16


def choose(rows: Sequence[dataset_scores.Row]) -> dict[int, str]:
  """Returns the places of the pictures to show, with what to call them.

  By the l1 error in the hole; with few pictures none is shown twice, and those
  without a hole are not shown.
  """
  places = sorted(
    (i for i, row in enumerate(rows) if row.hole),
    key=lambda i: rows[i].hole["l1"],
  )
  count = len(places)
  middle = max((count - _OF_EACH) // 2, 0)
  chosen = {}
  for kind, start in (
    ("best", 0),
    ("worst", max(count - _OF_EACH, 0)),
    ("median", middle),
  ):
    for place in places[start : start + _OF_EACH]:
      chosen.setdefault(place, kind)
  order = ("best", "median", "worst")
  # Stable: within a kind from better to worse.
  by_error = sorted(chosen, key=places.index)
  return {
    place: chosen[place]
    for place in sorted(by_error, key=lambda i: order.index(chosen[i]))
  }


def draw(shown: Sequence[tuple[str, Sequence[np.ndarray]]]) -> np.ndarray:
  """Draws one row for each picture: original, with its hole white, completed.

  Args:
    shown: for each its label, and original, completed picture `[H, W, 3] uint8`
      and hole `[H, W] bool`, in this order.

  Returns:
    `[N * (16 + 256), 3 * 260 - 4, 3] uint8`; pictures are scaled to fit, on
    white.
  """
  sheet = Image.new(
    "RGB",
    (3 * (TILE + GAP) - GAP, len(shown) * (LABEL_HEIGHT + TILE)),
    "white",
  )
  draw_on = ImageDraw.Draw(sheet)
  for i, (label, (original, completed, hole)) in enumerate(shown):
    top = i * (LABEL_HEIGHT + TILE)
    draw_on.text((2, top + 2), label, fill="black")
    masked = np.where(hole[..., None], np.uint8(255), original)
    for j, panel in enumerate((original, masked, completed)):
      tile = fit(panel, TILE)
      left = j * (TILE + GAP) + (TILE - tile.width) // 2
      sheet.paste(tile, (left, top + LABEL_HEIGHT))
  return np.asarray(sheet)


def encode(shown: Sequence[tuple[str, Sequence[np.ndarray]]]) -> bytes:
  """Returns what `draw` draws as PNG; one white pixel if there is nothing."""
  sheet = draw(shown) if shown else np.full((1, 1, 3), 255, np.uint8)
  return output_files.to_png(sheet)


def label(rows: Sequence[dataset_scores.Row]) -> dict[int, str]:
  """Returns what `choose` returns, with the whole line above each picture."""
  return {
    place: f"{kind}: {rows[place].name}, hole {rows[place].hole_fraction:.0%}, "
    f"l1 in it {rows[place].hole['l1']:.1f} %"
    for place, kind in choose(rows).items()
  }


def fit(panel: np.ndarray, side: int) -> Image.Image:
  """Returns a picture, `[H, W, 3] uint8`, scaled so that its longer side is."""
  height, width = panel.shape[:2]
  factor = side / max(height, width)
  size = max(round(width * factor), 1), max(round(height * factor), 1)
  picture = Image.fromarray(np.ascontiguousarray(panel))
  return picture.resize(size, Image.Resampling.LANCZOS)
