"""FID: the Frechet distance of pictures in the features of Inception-v3.

The network comes as `inception-2015-12-05.pt`, a TorchScript file with that of
the original FID, published by NVIDIA with StyleGAN2-ADA. It takes `[B, 3, H, W]
uint8` of any size, scales them, and returns `[B, 2048]` with
`return_features=True`. Torchvision's Inception has other weights and does not
compute the FID.

Source: Heusel et al. 2017, equation 6.
"""

import hashlib
import os
import warnings
from collections.abc import Callable

import numpy as np

from gatedinpaint_jax import errors

FEATURES = 2048
_EXPECTED = (
  "it should be inception-2015-12-05.pt, the TorchScript file published with "
  "StyleGAN2-ADA"
)


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
  """Returns a function from a picture `[H, W, 3] uint8` to features `[2048]`.

  Needs torch. Raises UserError for any other file.
  """
  import torch

  path = os.path.expanduser(path)
  if not os.path.isfile(path):
    raise errors.UserError(f"{path}: no such file; {_EXPECTED}")
  try:
    with warnings.catch_warnings():
      # Deprecated, but these weights are published in no other format.
      warnings.simplefilter("ignore", DeprecationWarning)
      network = torch.jit.load(path, map_location="cpu").eval()
  except (RuntimeError, ValueError) as error:
    raise errors.UserError(
      f"{path}: not a TorchScript file ({errors.first_words(error)}); "
      f"{_EXPECTED}"
    ) from error

  def features(image):
    # One at a time, so that features do not depend on the batch. A copy,
    # because torch warns about read-only arrays.
    pixels = torch.from_numpy(np.array(np.moveaxis(image, -1, 0))[None])
    with torch.inference_mode():
      return network(pixels, return_features=True)[0].numpy()

  try:
    found = features(np.zeros((32, 32, 3), np.uint8))
  except Exception as error:  # the code in the file may raise anything
    raise errors.UserError(
      f"{path}: rejects pictures ({errors.first_words(error)}); {_EXPECTED}"
    ) from error
  if found.shape != (FEATURES,):
    raise errors.UserError(
      f"{path}: returns {found.shape}, not {FEATURES} features; {_EXPECTED}"
    )
  return features


def digest(path: str) -> str:
  """Returns 16 hexadecimal digits that identify the file's content."""
  with open(os.path.expanduser(path), "rb") as file:
    return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def distance(features: np.ndarray, reference: np.ndarray) -> float:
  """Returns the squared Frechet distance of `[N, F]` and `[M, F]`; N, M > 1.

    |m - n|^2 + tr(C + D - 2 (C D)^(1/2))

  for the means m and n and the covariances C and D. It is biased upwards if
  there are fewer pictures than features.
  """
  if min(len(features), len(reference)) < 2:
    raise ValueError("the Frechet distance needs at least two pictures")
  mean, covariance = _gaussian(features)
  other_mean, other_covariance = _gaussian(reference)
  # tr (C D)^(1/2) = tr (C^(1/2) D C^(1/2))^(1/2), which is symmetric and real
  # even if few pictures make C singular.
  values, vectors = np.linalg.eigh(covariance)
  root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
  values = np.linalg.eigvalsh(root @ other_covariance @ root)
  cross = np.sqrt(np.maximum(values, 0)).sum()
  gap = np.square(mean - other_mean).sum()
  total = gap + np.trace(covariance) + np.trace(other_covariance) - 2 * cross
  return max(float(total), 0.0)


def _gaussian(features):
  features = np.asarray(features, np.float64)
  covariance = np.cov(features, rowvar=False)
  return features.mean(axis=0), np.atleast_2d(covariance)
