"""Methods that fill holes without training, by name.

A method takes a picture `[H, W, C]`, its hole `[H, W] bool` and, unless it is
a photograph, its `Values`, and returns the filled picture. It sees neither what
is in the hole nor places without data, which stay without.

  mean_fill             the mean colour of the known pixels: the baseline
  opencv_telea          Telea 2004, fast marching
  opencv_navier_stokes  Bertalmio et al. 2001
  biharmonic            Damelin & Hoang 2018; memory grows with the hole
  patchmatch            Barnes et al. 2009, by PyPatchMatch; 8-bit RGB only
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.inference import inpainter, large_pictures

Method = Callable[..., np.ndarray]

# Radius of the neighbourhood, as in OpenCV's examples.
_OPENCV_RADIUS = 3
# Of the values that it computes with, unless they are levels of 8 bits.
_OPENCV_RANGE = np.float32(65535)
# 7 x 7 pixels, as in PyPatchMatch's examples.
_PATCH_RADIUS = 3


def load(name: str) -> Method:
  """Returns a method that keeps known pixels.

  A picture without known pixels becomes the middle of the range, mid-grey.
  """
  fill, package = METHODS[name]
  if package:
    errors.check_installed(package, extra="classical")
  if name == "patchmatch":
    import patchmatch

    if not patchmatch.patchmatch_available:
      raise errors.UserError(
        "patchmatch: PyPatchMatch is installed without its compiled library; "
        "install CMake, a C++ compiler and OpenCV's headers, then reinstall it"
      )
  return functools.partial(_complete, fill)


def check_takes(name: str, channels: int, dtype: Any = np.uint8) -> None:
  """Raises UserError if a method does not fill such pictures."""
  if name == "patchmatch" and (channels, np.dtype(dtype)) != (3, np.uint8):
    raise errors.UserError(
      f"patchmatch: fills RGB of 8 bits, not {channels} channels of"
      f" {np.dtype(dtype)}; name another method"
    )


class MethodInpainter:
  """A method with as much of an `Inpainter` as `job_runner` uses."""

  def __init__(
    self,
    method: Method,
    values: values_lib.Values | None = None,
    *,
    large: str = "auto",
  ):
    """Without values, each picture has its own; see `values.of_picture`.

    `large` is "crop" to see only windows around the holes, else "auto" or
    "exact".
    """
    large_pictures.check_choice(large, has_attention=False)
    self.values = values
    self._method = method
    self._large = "exact" if large == "auto" else large

  def with_values(self, values: values_lib.Values) -> "MethodInpainter":
    """Returns one for these values."""
    return MethodInpainter(self._method, values, large=self._large)

  def backend_for(self, height: int, width: int) -> None:
    """Returns None: methods have no backend."""
    del height, width

  def plan(self, hole: np.ndarray) -> large_pictures.Plan:
    """Returns how a picture is filled; see `Inpainter`."""
    return large_pictures.choose(hole, self._large)

  def takes_batches(self, height: int, width: int) -> bool:
    """Returns False: methods gain nothing from batches."""
    del height, width
    return False

  def __call__(self, image, mask=None, sketch=None, *, return_details=True):
    """Fills a picture or a batch, and always returns an `Inpainting`.

    Both predictions are the completed picture, 0 where it has no data, and
    offsets are None.
    """
    del sketch, return_details  # programs refuse a sketch
    values = self.values
    if values is None:
      values = dataclasses.replace(
        values_lib.of_picture(image), channels=image.shape[-1]
      )
    hole = values.is_missing(image) if mask is None else np.asarray(mask)
    if hole.dtype != bool:
      hole = hole >= batch_lib.HOLE_LEVEL
    if image.ndim == 3:
      completed = self._complete_windows(image, hole, values)
    else:
      given = zip(image, hole, strict=True)
      completed = np.stack(
        [self._complete_windows(*pair, values) for pair in given]
      )
    if values.are_levels and image.dtype == np.uint8:
      prediction = batch_lib.from_uint8(completed.astype(np.float32))
    else:
      prediction = np.nan_to_num(values.normalize(completed))
    return inpainter.Inpainting(completed, prediction, prediction, None)

  def _complete_windows(self, image, hole, values):
    completed = image.copy()
    for window, _ in self.plan(hole).parts:
      completed[window] = self._method(image[window], hole[window], values)
    return completed


def _complete(method, image, hole, values=values_lib.PHOTOGRAPHS) -> np.ndarray:
  """Fills one picture, and restores known pixels that the method changed."""
  if not hole.any():
    return image.copy()
  missing = values.is_missing(image)
  unknown = hole | missing
  if unknown.all():
    middle = np.zeros(image.shape, np.float32)
    filled = values.restore(middle, image.dtype)
  else:
    known = image
    if missing.any():  # libraries might compute with NaN
      known = np.where(missing[..., None], image.dtype.type(0), image)
    # The libraries need contiguous arrays.
    filled = method(*map(np.ascontiguousarray, (known, unknown)))
    filled = values.cast(filled, image.dtype)
  return np.where(hole[..., None], filled, image)


def _fill_mean(image, hole) -> np.ndarray:
  mean = image[~hole].mean(axis=0, dtype=np.float64)
  return np.broadcast_to(mean, image.shape)


def _fill_with_opencv(algorithm) -> Method:
  def fill(image, hole):
    import cv2

    fill_one = lambda picture: cv2.inpaint(
      picture, hole.astype(np.uint8), _OPENCV_RADIUS, getattr(cv2, algorithm)
    )
    if image.dtype == np.uint8 and image.shape[-1] == 3:
      return fill_one(image)
    # The library adds constants that suit levels, not reflectances of 0.1.
    known = image[~hole].astype(np.float32)
    low, high = known.min(axis=0), known.max(axis=0)
    scale = _OPENCV_RANGE / np.where(low < high, high - low, 1)
    planes = np.moveaxis((image.astype(np.float32) - low) * scale, -1, 0)
    filled = [fill_one(np.ascontiguousarray(plane)) for plane in planes]
    return np.stack(filled, axis=-1) / scale + low

  return fill


def _fill_biharmonic(image, hole) -> np.ndarray:
  from skimage import restoration

  # By itself, the library would take integers to [0, 1].
  is_levels = image.dtype == np.uint8
  floats = image if is_levels else image.astype(np.float64)
  filled = restoration.inpaint_biharmonic(floats, hole, channel_axis=-1)
  return 255 * np.clip(filled, 0, 1) if is_levels else filled


def _fill_patchmatch(image, hole) -> np.ndarray:
  import patchmatch

  check_takes("patchmatch", image.shape[-1], image.dtype)
  # The library's seed is global.
  patchmatch.set_random_seed(0)
  return patchmatch.inpaint(image, hole, patch_size=_PATCH_RADIUS)


# {name: (function, package that it imports)}.
METHODS = {
  "mean_fill": (_fill_mean, None),
  "opencv_telea": (_fill_with_opencv("INPAINT_TELEA"), "cv2"),
  "opencv_navier_stokes": (_fill_with_opencv("INPAINT_NS"), "cv2"),
  "biharmonic": (_fill_biharmonic, "skimage"),
  "patchmatch": (_fill_patchmatch, "patchmatch"),
}
NAMES = tuple(METHODS)
