"""Tells whether a model can be trained on what is in picture files."""

from typing import NamedTuple

from gatedinpaint_jax import errors
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import outline as outline_lib
from gatedinpaint_jax.data import photo_files


class Shares(NamedTuple):
  """Fractions of a picture: of its places, and of its known values."""

  missing: float = 0.0
  beyond: float = 0.0  # the range


def read_outline(path: str, values: values_lib.Values) -> outline_lib.Outline:
  """Reads the header of a file.

  Raises:
    UserError: if the channels or the type of its pixels are not for training.
  """
  outline = photo_files.read_outline(path)
  photo = photo_files.without_pixels(outline)
  with errors.prefixed(f"{path}: "):
    if values.are_levels:
      photo.levels(values.channels)
    else:
      photo.normalized(values)
  return outline


def read_shares(path: str, values: values_lib.Values) -> Shares:
  """Decodes a file, of which `read_outline` thinks well."""
  photo = photo_files.read(path)
  if values.are_levels:
    return Shares()
  values, pixels = photo.values(values), photo.select(values.channels)
  missing = values.is_missing(pixels)
  known = pixels[~missing]
  low, high = values.bounds(pixels.dtype)
  beyond = (known < low) | (known > high)
  return Shares(missing.mean(), beyond.mean() if beyond.size else 0.0)
