"""Tells from the header of a picture file what its pixels will be."""

from typing import NamedTuple

import numpy as np

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import npy_file, picture_format

ADVICE = (
  "save it as uint8, uint16, int16 or float32, grey, RGB or with any channels"
)
_DTYPES = {
  "uchar": np.uint8,
  "ushort": np.uint16,
  "short": np.int16,
  "float": np.float32,
}
# {colour space of the library: its channels}. What follows these is alpha if it
# is one more, else data.
_SPACES = {"b-w": 1, "grey16": 1, "srgb": 3, "rgb16": 3, "scrgb": 3}


class Outline(NamedTuple):
  """What the header of a picture file says of it."""

  kind: str  # such as "jpeg"
  size: tuple[int, int]  # (height, width), upright
  channels: int
  is_turned: bool  # by its Exif data
  frames: int  # or pages, of which this is the first
  dtype: np.dtype  # of the pixels
  is_data: bool = False  # as `Photo.is_data`

  @property
  def notes(self) -> list[str]:
    """What a person should know of the file."""
    if self.frames == 1:
      return []
    return [f"only the first of its {self.frames} pictures is read"]


def of_image(opened: picture_format.Opened) -> Outline:
  """Describes an opened file.

  Raises:
    UserError: if its values or its colour space are not supported.
  """
  image, kind, frames, tags = opened
  size, orientation = (image.height, image.width), _orientation(image)
  size = size[::-1] if orientation > 4 else size
  channels, dtype = image.bands, _DTYPES.get(image.format)
  colours = _SPACES.get(image.interpretation)
  if image.interpretation == "cmyk":
    channels = colours = 3
    dtype = np.uint8
  if dtype is None or colours is None:
    raise errors.UserError(
      f"{image.interpretation} with {image.bands} channels of {image.format}"
      f" values is not supported; {ADVICE}"
    )
  others = channels - colours
  is_alpha = others == 1 and dtype in (np.uint8, np.uint16) and not tags.is_data
  return Outline(
    *(kind, size, channels, orientation > 1, frames, np.dtype(dtype)),
    is_data=others > 0 and not is_alpha,
  )


def of_npy(claim: npy_file.Claim) -> Outline:
  """Describes an .npy file."""
  (height, width), channels = claim.shape[:2], (*claim.shape, 1)[2]
  picture_format.check_size(width, height, channels)
  # Nothing says what the channels are.
  return Outline(
    *("npy", (height, width), channels, False, 1, claim.dtype),
    is_data=channels not in (1, 3),
  )


def _orientation(image) -> int:
  """Returns the Exif orientation, 1 to 8, where 1 is upright."""
  is_known = image.get_typeof("orientation")
  return image.get("orientation") if is_known else 1
