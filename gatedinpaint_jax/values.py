"""What the numbers of pictures stand for: channels, range, missing values.

Networks see `[-1, 1]`. People's data is in units of its own: levels of 8 bits,
metres, counts of a detector. `Values` maps one to the other.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors

# The types of pictures in arrays and files.
DTYPES = (np.uint8, np.uint16, np.int16, np.float32)
_DTYPE_NAMES = ", ".join(np.dtype(dtype).name for dtype in DTYPES)
# Luminance (ITU-R BT.601).
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


@dataclasses.dataclass(frozen=True)
class Values:
  """The values of a model's pictures, in the units of the data.

  `configs/places2.py` describes the attributes: `config.model.channels`, and
  `value_range` and `no_data` of `config.data`.
  """

  channels: int = 3
  # (low, high) of each channel; none for the entire range of an integer type.
  ranges: tuple[tuple[float, float], ...] = ()
  no_data: float | None = None

  @property
  def are_levels(self) -> bool:
    """Whether they are those of photographs, for which 8 bits are enough."""
    return not self.ranges and self.no_data is None

  def bounds(self, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """Returns what -1 and 1 stand for, each `[C] float32`.

    Raises:
      UserError: if the type is not one of `DTYPES`, or needs a stated range.
    """
    dtype = np.dtype(dtype)
    if dtype not in DTYPES:
      raise errors.UserError(
        f"values are {dtype}; must be one of {_DTYPE_NAMES}"
      )
    if self.ranges:
      low, high = np.transpose(self.ranges)
    elif dtype == np.float32:
      raise errors.UserError(
        "values are float32, whose range must be stated"
        " (config.data.value_range)"
      )
    else:
      low, high = (
        [limit] * self.channels
        for limit in (np.iinfo(dtype).min, np.iinfo(dtype).max)
      )
    return np.asarray(low, np.float32), np.asarray(high, np.float32)

  def is_missing(self, pixels: np.ndarray) -> np.ndarray:
    """Returns where pictures `[..., C]` have no data, `[...] bool`.

    There, at least one channel is NaN or `no_data`.
    """
    missing = np.zeros(pixels.shape[:-1], bool)
    if pixels.dtype.kind == "f":
      # Infinity is what a division by zero leaves behind, and no value either.
      missing |= ~np.isfinite(pixels).all(axis=-1)
    if self.no_data is not None:
      missing |= (pixels == self.no_data).any(axis=-1)
    return missing

  def normalize(self, pixels: np.ndarray) -> np.ndarray:
    """Maps pictures `[..., C]` to float32 in [-1, 1], NaN where missing.

    Values beyond the range become -1 or 1.

    Raises:
      UserError: as `bounds` does.
    """
    low, high = self.bounds(pixels.dtype)
    scaled = (pixels.astype(np.float32) - low) * (2 / (high - low)) - 1
    scaled = np.clip(scaled, -1, 1, out=scaled)
    scaled[self.is_missing(pixels)] = np.nan
    return scaled

  def restore(self, image: np.ndarray, dtype: Any) -> np.ndarray:
    """Maps [-1, 1] back to values of a type; rounds and clips integers.

    The result is never `no_data`, which would make a filled place a missing
    one: such values become the nearest other ones.
    """
    low, high = self.bounds(dtype)
    pixels = (np.asarray(image, np.float32) + 1) * ((high - low) / 2) + low
    return self.cast(np.clip(pixels, low, high), dtype)

  def cast(self, pixels: np.ndarray, dtype: Any) -> np.ndarray:
    """Turns finite floats into a type of picture, never into `no_data`.

    Integers are rounded and clipped to what the type can hold.
    """
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
      limits = np.iinfo(dtype)
      pixels = np.clip(np.round(pixels), limits.min, limits.max)
    pixels = pixels.astype(dtype)
    if self.no_data is None:
      return pixels
    taken = pixels == self.no_data
    if dtype.kind == "f":
      return np.where(taken, np.nextafter(pixels, dtype.type(np.inf)), pixels)
    step = np.where(pixels == np.iinfo(dtype).max, -1, 1)
    return np.where(taken, pixels + step, pixels).astype(dtype)


PHOTOGRAPHS = Values()


def from_config(config: Mapping[str, Any]) -> Values:
  """Returns the values that a config, or that of a checkpoint, describes.

  Keys that older ones lack are those of photographs.

  Raises:
    UserError: if a range or a count does not make sense.
  """
  data = {"value_range": (), "no_data": None} | dict(config.get("data") or {})
  channels = config["model"].get("channels", 3)
  ranges, no_data = _read_ranges(data["value_range"], channels), data["no_data"]
  return Values(channels, ranges, None if no_data is None else float(no_data))


def of_picture(pixels: np.ndarray, no_data: float | None = None) -> Values:
  """Returns the values of a picture: all that each of its channels has."""
  channels = pixels.shape[-1]
  known = pixels[~Values(channels, no_data=no_data).is_missing(pixels)]
  if not len(known):
    known = np.zeros((1, channels))
  low, high = (f(known, axis=0).astype(np.float32) for f in (np.min, np.max))
  # A channel of one value needs a range, too, which float32 can tell apart.
  high = np.where(low < high, high, low + np.maximum(1, np.abs(low)))
  ranges = tuple((float(a), float(b)) for a, b in zip(low, high, strict=True))
  return Values(channels, ranges, no_data)


def is_range(low: float, high: float) -> bool:
  """Returns whether values can be mapped from a range, in float32."""
  with np.errstate(over="ignore", invalid="ignore"):
    length = np.float32(high) - np.float32(low)
  return bool(0 < length < np.inf)


def _read_ranges(value_range, channels) -> tuple[tuple[float, float], ...]:
  """Returns (low, high) of each channel from `config.data.value_range`."""
  key = f"config.data.value_range={value_range}"
  if not len(value_range):
    return ()
  pairs = [value_range] if np.ndim(value_range[0]) == 0 else value_range
  if len(pairs) not in (1, channels):
    raise errors.UserError(
      f"{key}: has {len(pairs)} ranges; must be one (low, high) or one for each"
      f" of the {channels} channels"
    )
  ranges = []
  for pair in pairs:
    try:
      low, high = map(float, pair)
    except (TypeError, ValueError):
      low, high = 0, 0
    if not is_range(low, high):
      raise errors.UserError(
        f"{key}: {pair} must be (low, high), two finite numbers in this order,"
        " which float32 can tell apart"
      )
    ranges.append((low, high))
  return tuple(ranges * (channels // len(ranges)))


def select(pixels: np.ndarray, channels: int) -> np.ndarray:
  """Returns a picture `[..., C]` with as many channels as a model has.

  One of as many is returned as it is. For 3, grey is repeated; for 1, colours
  become their luminance; a fourth or second channel, the alpha, is left out.

  Raises:
    UserError: if the picture has other channels.
  """
  found = pixels.shape[-1]
  if found == channels:
    return pixels
  if channels == 3 and found == 4:
    return pixels[..., :3]
  if channels == 3 and found in (1, 2):
    return np.broadcast_to(pixels[..., :1], (*pixels.shape[:-1], 3))
  if channels == 1 and found == 2:
    return pixels[..., :1]
  if channels == 1 and found in (3, 4):
    grey = pixels[..., :3] @ LUMINANCE
    is_integer = pixels.dtype.kind != "f"
    grey = np.round(grey) if is_integer else grey
    return grey.astype(pixels.dtype)[..., None]
  raise errors.UserError(
    f"has {found} channels; the model has {channels} (config.model.channels)"
  )


def to_batch(image, mask, sketch=None) -> batch_lib.Batch:
  """Makes a batch of pictures of `normalize`, whose NaNs are missing places.

  Takes NumPy arrays and returns float32.
  """
  unknown = np.isnan(image).any(axis=-1, keepdims=True)
  return batch_lib.Batch(
    np.where(unknown, np.float32(0), image),
    np.maximum(mask, unknown).astype(np.float32),
    None if sketch is None else sketch.astype(np.float32),
    unknown.astype(np.float32),
  )
