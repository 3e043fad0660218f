"""Reads files of NumPy's .npy format, and believes nothing that they claim."""

import math
from typing import BinaryIO, NamedTuple

import numpy as np

from gatedinpaint_jax import errors
from gatedinpaint_jax import values as values_lib

SIGNATURE = b"\x93NUMPY"
_HEADERS = {
  (1, 0): np.lib.format.read_array_header_1_0,
  (2, 0): np.lib.format.read_array_header_2_0,
}
_WANTED = "save it as uint8, uint16, int16 or float32, [H, W] or [H, W, C]"


class Claim(NamedTuple):
  """What the header of an array says, in a file of the length that follows."""

  shape: tuple[int, ...]
  dtype: np.dtype


def read_claim(file: BinaryIO, length: int) -> Claim:
  """Reads the header of an array, in a file of `length` bytes.

  Raises:
    ValueError: if it is damaged, or the array is longer or shorter than it
      says. What is no array of NumPy may raise anything.
  """
  shape, _, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
  claimed, found = math.prod(shape) * dtype.itemsize, length - file.tell()
  if (claimed != found or min(shape, default=0) < 0) and not dtype.hasobject:
    raise ValueError(f"claims {claimed} bytes, but has {found}")
  return Claim(shape, dtype)


def read_picture_claim(file: BinaryIO) -> Claim:
  """Reads the header of a file that holds a picture, of two or three axes.

  Raises:
    UserError: if it is damaged, or holds something else; without its name.
  """
  length = file.seek(0, 2)
  file.seek(0)
  try:
    claim = read_claim(file, length)
  except Exception as error:  # Python is parsed there
    raise errors.UserError(
      f"not a whole .npy file ({errors.first_words(error)}); save it again"
    ) from error
  shape, dtype = claim.shape, claim.dtype.newbyteorder("=")
  if dtype.kind == "b":  # black and white, as of other files
    dtype = np.dtype(np.uint8)
  if dtype not in values_lib.DTYPES or len(shape) not in (2, 3):
    raise errors.UserError(f"is {claim.dtype} {list(shape)}; {_WANTED}")
  if not all(shape):
    raise errors.UserError(f"is empty, {list(shape)}")
  return Claim(shape, dtype)


def read_picture(file: BinaryIO, claim: Claim) -> np.ndarray:
  """Reads what `read_picture_claim` describes; True becomes 255."""
  file.seek(0)
  pixels = np.lib.format.read_array(file)
  if pixels.dtype.kind == "b":
    return pixels * np.uint8(255)
  return np.ascontiguousarray(pixels, claim.dtype)
