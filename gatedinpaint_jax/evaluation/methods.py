"""Methods that fill holes without training, by name.

A method takes a picture `[H, W, 3] uint8` and its hole `[H, W] bool` and
returns the filled picture; the hole is neither empty nor the entire picture.

  mean_fill             the mean colour of the known pixels: the baseline
  opencv_telea          Telea 2004, fast marching
  opencv_navier_stokes  Bertalmio et al. 2001
  biharmonic            Damelin & Hoang 2018; memory grows with the hole
  patchmatch            Barnes et al. 2009, by PyPatchMatch
"""

import functools
from collections.abc import Callable

import numpy as np

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors
from gatedinpaint_jax.inference import inpainter

Method = Callable[[np.ndarray, np.ndarray], np.ndarray]

EXTRA = "classical"
# Of the neighbourhood, as in OpenCV's own examples.
_OPENCV_RADIUS = 3
# 7 x 7 pixels, as in PyPatchMatch's own examples.
_PATCH_RADIUS = 3
_MID_GREY = 128


def load(name: str) -> Method:
  """Returns a method that keeps known pixels, and takes any hole.

  An empty hole leaves the picture as it is; one that is the entire picture
  becomes mid-grey.

  Raises:
    UserError: if there is no such method or its library is not installed.
  """
  errors.check_choice("method", name, PACKAGES)
  package = PACKAGES[name]
  if package:
    errors.check_installed(package, extra=EXTRA)
  if name == "patchmatch":
    _check_patchmatch_is_compiled()
  return functools.partial(_complete, _METHODS[name])


class MethodInpainter:
  """A method with the interface of an `Inpainter`, for `job_runner`."""

  guided = False

  def __init__(self, method: Method):
    """Takes what `load` returns."""
    self._method = method

  def backend_for(self, height: int, width: int) -> None:
    """Returns None: no backend computes it."""
    del height, width

  def __call__(self, image, mask, sketch=None, *, return_details=False):
    """Fills a picture or a batch of them; see `Inpainter.__call__`.

    With `return_details`, both predictions are the completed picture, and there
    are no offsets.
    """
    if sketch is not None:
      raise ValueError("methods take no sketch")
    if image.ndim == 3:
      completed = self._method(image, mask)
    else:
      completed = np.stack(list(map(self._method, image, mask)))
    if not return_details:
      return completed
    prediction = batch_lib.from_uint8(completed.astype(np.float32))
    return inpainter.Inpainting(completed, prediction, prediction, None)


def _complete(method, image, hole) -> np.ndarray:
  """Fills one picture, and keeps known pixels whatever the method does."""
  if not hole.any():
    return image.copy()
  if hole.all():
    return np.full_like(image, _MID_GREY)
  # The libraries want contiguous arrays.
  filled = method(np.ascontiguousarray(image), np.ascontiguousarray(hole))
  return np.where(hole[..., None], filled, image)


def _fill_mean(image, hole) -> np.ndarray:
  mean = image[~hole].mean(axis=0, dtype=np.float64)
  return np.broadcast_to(np.round(mean).astype(np.uint8), image.shape)


def _fill_telea(image, hole) -> np.ndarray:
  import cv2

  return cv2.inpaint(
    image, hole.astype(np.uint8), _OPENCV_RADIUS, cv2.INPAINT_TELEA
  )


def _fill_navier_stokes(image, hole) -> np.ndarray:
  import cv2

  return cv2.inpaint(
    image, hole.astype(np.uint8), _OPENCV_RADIUS, cv2.INPAINT_NS
  )


def _fill_biharmonic(image, hole) -> np.ndarray:
  from skimage import restoration

  filled = restoration.inpaint_biharmonic(image, hole, channel_axis=-1)
  return np.round(255 * np.clip(filled, 0, 1)).astype(np.uint8)


def _fill_patchmatch(image, hole) -> np.ndarray:
  import patchmatch

  # The result must not depend on a seed that was set elsewhere.
  patchmatch.set_random_seed(0)
  return patchmatch.inpaint(image, hole, patch_size=_PATCH_RADIUS)


def _check_patchmatch_is_compiled():
  import patchmatch

  if not patchmatch.patchmatch_available:
    raise errors.UserError(
      "patchmatch: PyPatchMatch is installed without its compiled library; "
      "install CMake, a C++ compiler and OpenCV's headers, then reinstall it"
    )


_METHODS = {
  "mean_fill": _fill_mean,
  "opencv_telea": _fill_telea,
  "opencv_navier_stokes": _fill_navier_stokes,
  "biharmonic": _fill_biharmonic,
  "patchmatch": _fill_patchmatch,
}
NAMES = tuple(_METHODS)
# What each imports, or None.
PACKAGES = {
  "mean_fill": None,
  "opencv_telea": "cv2",
  "opencv_navier_stokes": "cv2",
  "biharmonic": "skimage",
  "patchmatch": "patchmatch",
}
