"""The Frechet distance of two sets of features, each modelled as a Gaussian."""

import numpy as np


def distance(features: np.ndarray, reference: np.ndarray) -> float:
  """Returns the squared Frechet distance of `[N, F]` and `[M, F]`; N, M > 1.

    |m - n|^2 + tr(C + D - 2 (C D)^(1/2))

  for the means m and n and the covariances C and D. With features of
  Inception-v3 it is the FID, which is biased upwards if there are fewer
  pictures than features.

  Source: Heusel et al. 2017, equation 6.
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
