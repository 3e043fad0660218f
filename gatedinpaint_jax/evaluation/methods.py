"""Methods that fill holes without training, by name.

A method takes a picture `[H, W, 3] uint8` and its hole `[H, W] bool` and
returns the filled picture.

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
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.inference import inpainter

Method = Callable[[np.ndarray, np.ndarray], np.ndarray]

# Radius of the neighbourhood, as in OpenCV's examples.
_OPENCV_RADIUS = 3
# 7 x 7 pixels, as in PyPatchMatch's examples.
_PATCH_RADIUS = 3
_MID_GREY = 128


def load(name: str) -> Method:
  """Returns a method that keeps known pixels.

  A picture without known pixels becomes mid-grey.
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


class MethodInpainter:
  """A method with as much of an `Inpainter` as `job_runner` uses."""

  values = values_lib.PHOTOGRAPHS

  def __init__(self, method: Method):
    self._method = method

  def backend_for(self, height: int, width: int) -> None:
    """Returns None: methods have no backend."""
    del height, width

  def __call__(self, image, mask, sketch=None, *, return_details=True):
    """Fills a picture or a batch, and always returns an `Inpainting`.

    Both predictions are the completed picture, and offsets are None.
    """
    del sketch, return_details  # programs refuse a sketch
    if image.ndim == 3:
      completed = self._method(image, mask)
    else:
      completed = np.stack(list(map(self._method, image, mask)))
    prediction = batch_lib.from_uint8(completed.astype(np.float32))
    return inpainter.Inpainting(completed, prediction, prediction, None)


def _complete(method, image, hole) -> np.ndarray:
  """Fills one picture, and restores known pixels that the method changed."""
  if not hole.any():
    return image.copy()
  if hole.all():
    return np.full_like(image, _MID_GREY)
  # The libraries need contiguous arrays.
  filled = method(np.ascontiguousarray(image), np.ascontiguousarray(hole))
  return np.where(hole[..., None], filled, image)


def _fill_mean(image, hole) -> np.ndarray:
  mean = image[~hole].mean(axis=0, dtype=np.float64)
  return np.broadcast_to(np.round(mean).astype(np.uint8), image.shape)


def _fill_with_opencv(algorithm) -> Method:
  def fill(image, hole):
    import cv2

    hole = hole.astype(np.uint8)
    return cv2.inpaint(image, hole, _OPENCV_RADIUS, getattr(cv2, algorithm))

  return fill


def _fill_biharmonic(image, hole) -> np.ndarray:
  from skimage import restoration

  filled = restoration.inpaint_biharmonic(image, hole, channel_axis=-1)
  return np.round(255 * np.clip(filled, 0, 1)).astype(np.uint8)


def _fill_patchmatch(image, hole) -> np.ndarray:
  import patchmatch

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
