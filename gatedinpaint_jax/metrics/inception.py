"""Features of pictures for the FID, from a TorchScript file.

The file is the Inception-v3 of the original FID as NVIDIA publishes it with
StyleGAN2-ADA, `inception-2015-12-05.pt`: it takes `[B, 3, H, W] uint8` of any
size, scales them itself and with `return_features=True` returns `[B, 2048]`.
Torchvision's Inception has other weights; numbers from it are not the FID.
"""

import hashlib
import os
import warnings
from collections.abc import Callable

import numpy as np

from gatedinpaint_jax import errors

FEATURES = 2048


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
  """Returns a function from a picture `[H, W, 3] uint8` to features `[2048]`.

  Needs torch.

  Raises:
    UserError: if the file is not the one described above.
  """
  path = os.path.expanduser(path)
  if not os.path.isfile(path):
    raise errors.UserError(
      f"{path}: no such file; it should be inception-2015-12-05.pt, the "
      "TorchScript file that is published with StyleGAN2-ADA"
    )
  network = _load_network(path)

  def features(image):
    # One by one, so that features do not depend on a batch.
    return _apply(network, image)

  try:
    found = features(np.zeros((32, 32, 3), np.uint8))
  except Exception as error:  # the program in the file may raise anything
    raise errors.UserError(
      f"{path}: does not take pictures ({errors.first_words(error)}); "
      "it should be inception-2015-12-05.pt"
    ) from error
  if found.shape != (FEATURES,):
    raise errors.UserError(
      f"{path}: returns {found.shape} instead of {FEATURES} features "
      "of a picture; it should be inception-2015-12-05.pt"
    )
  return features


def digest(path: str) -> str:
  """Returns 16 hexadecimal digits that identify the file's content."""
  with open(os.path.expanduser(path), "rb") as file:
    return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _load_network(path):
  import torch

  try:
    with warnings.catch_warnings():
      # Deprecated, but the only format in which these weights are published.
      warnings.simplefilter("ignore", DeprecationWarning)
      return torch.jit.load(path, map_location="cpu").eval()
  except (RuntimeError, ValueError) as error:
    raise errors.UserError(
      f"{path}: not a TorchScript file ({errors.first_words(error)}); it "
      "should be inception-2015-12-05.pt"
    ) from error


def _apply(network, image) -> np.ndarray:
  import torch

  # A copy: torch warns of arrays that may not be written to.
  pixels = torch.from_numpy(np.array(np.moveaxis(image, -1, 0))[None])
  with torch.inference_mode():
    return network(pixels, return_features=True)[0].numpy()
