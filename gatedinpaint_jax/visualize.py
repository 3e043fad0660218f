"""Pictures of any channels as colours, strips of them, attention as colours.

Works on NumPy arrays; colours are RGB, `uint8`.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from gatedinpaint_jax import values as values_lib

PANELS = ("original", "masked", "coarse", "refined", "completed", "attention")
# Of missing values, a colour that grey pictures do not have.
MISSING = (255, 0, 255)
_LABEL_HEIGHT = 14
# Percentiles of the known values, so that a single one cannot darken the rest.
_PERCENTILES = (1, 99)
# Number of colours from each corner of the Middlebury wheel to the next; the
# six corners begin with red.
_WHEEL_SECTORS = (15, 6, 4, 11, 13, 6)


@dataclasses.dataclass(frozen=True)
class Scale:
  """How pictures `[..., C]` in the units of the data are drawn."""

  values: values_lib.Values
  channels: tuple[int, ...]  # one as grey, or three as red, green and blue
  low: np.ndarray  # what is black, of each of the channels
  high: np.ndarray
  text: str  # says both in one line; "" for photographs

  def draw(self, image: np.ndarray) -> np.ndarray:
    """Returns colours `[..., 3]` of pictures; `MISSING` where a value is."""
    shown = image[..., self.channels].astype(np.float32)
    missing = self.values.is_missing(image)
    shown[missing] = 0
    low, high = self.low, self.high
    if not self.text:
      # Photographs of 8 and of 16 bits may stand side by side.
      low, high = _limits(image.dtype, self.values)
    levels = (shown - low) * (255 / (high - low))
    levels = np.clip(np.round(levels), 0, 255).astype(np.uint8)
    colours = np.array(np.broadcast_to(levels, (*levels.shape[:-1], 3)))
    colours[missing] = MISSING
    return colours


def fit_scale(
  images: Iterable[np.ndarray],
  values: values_lib.Values,
  channels: Sequence[int] = (),
) -> Scale:
  """Returns the scale that is fair to pictures, and to all that fill them.

  It goes from the 1st to the 99th percentile of the known values of each
  channel. Photographs are drawn as they are.

  Args:
    images: originals `[..., C]`, all of one type, in the units of the data.
    values: what their numbers are.
    channels: those to show, one or three; the first three or the first one if
      left out.
  """
  images = list(images)
  low, high = _limits(images[0].dtype, values)
  if values.are_levels and values.channels == 3 and not channels:
    return Scale(values, (0, 1, 2), low, high, "")
  chosen = tuple(channels) or ((0, 1, 2) if values.channels >= 3 else (0,))
  low, high = low[[*chosen]], high[[*chosen]]
  known = [image[~values.is_missing(image)][:, chosen] for image in images]
  if sum(map(len, known)):
    found = np.percentile(np.concatenate(known), _PERCENTILES, axis=0)
    found = found.astype(np.float32)
    # A channel of one value keeps its entire range.
    low, high = np.where(found[0] < found[1], found, (low, high))
  ranges = [f"{a:.4g} to {b:.4g}" for a, b in zip(low, high, strict=True)]
  names = ", ".join(map(str, chosen))
  text = f"channel{'s' * (len(chosen) > 1)} {names}: {', '.join(ranges)}"
  return Scale(values, chosen, low, high, text)


def to_units(
  image: np.ndarray, values: values_lib.Values, unknown: Any = None
) -> np.ndarray:
  """Maps pictures in [-1, 1] to float32 in the units of the data.

  Those are levels of 8 bits where no range is stated. Where `unknown [..., 1]`
  is not 0, the result is NaN.
  """
  low, high = _limits(np.float32, values)
  ranges = tuple(zip(low.tolist(), high.tolist(), strict=True))
  stated = dataclasses.replace(values, ranges=ranges)
  image = stated.restore(image, np.float32)
  return image if unknown is None else np.where(unknown, np.nan, image)


def strip(panels: np.ndarray, text: str = "") -> np.ndarray:
  """Stacks the rows of `draw_panels` under the names of `PANELS` and a text."""
  return np.concatenate([_labels(panels.shape[2], text), *panels])


def draw_panels(batch, output, completed, scale: Scale) -> np.ndarray:
  """Draws a row of `PANELS` for each picture, `[N, H, 6 * W, 3] uint8`.

  Takes a `Batch`, its `GeneratorOutput` and the filled pictures, all in
  [-1, 1]. In the second panel the hole is white and a sketch is black.
  """
  values, unknown = scale.values, batch.unknown
  original = scale.draw(to_units(batch.image, values, unknown))
  predictions = output.coarse, output.refined, completed
  columns = [
    original,
    _cover(original, batch),
    *(scale.draw(to_units(image, values)) for image in predictions),
  ]
  if unknown is not None:
    # What was filled in, though no score counts it.
    columns[4] = np.where(unknown, columns[3], columns[4])
  height, width = original.shape[1:3]
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


def _limits(dtype, values):
  """Returns what -1 and 1 stand for; levels of 8 bits if nothing says it."""
  is_unstated = not values.ranges and np.dtype(dtype).kind == "f"
  return values.bounds(np.uint8 if is_unstated else dtype)


def _cover(drawn, batch):
  """Returns drawn originals with white holes and black sketches.

  Missing values keep their colour.
  """
  hole = np.asarray(batch.mask) > 0
  if batch.unknown is not None:
    hole &= np.asarray(batch.unknown) == 0
  covered = np.where(hole, np.uint8(255), drawn)
  if batch.sketch is None:
    return covered
  return np.where(np.asarray(batch.sketch) > 0, np.uint8(0), covered)


def _labels(width, text):
  """Draws the names of the panels and a text, black on white."""
  height = _LABEL_HEIGHT * (2 if text else 1)
  label = Image.new("RGB", (width, height), "white")
  draw = ImageDraw.Draw(label)
  for i, name in enumerate(PANELS):
    draw.text((i * width // len(PANELS) + 2, 1), name, fill="black")
  draw.text((2, _LABEL_HEIGHT + 1), text, fill="black")
  return np.asarray(label)
