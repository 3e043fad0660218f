import numpy as np
import pytest
from scipy import linalg

from gatedinpaint_jax.metrics import fid


def test_distance_equals_the_formula_with_a_matrix_root():
  draw = np.random.default_rng(0)
  a, b = draw.normal(size=(50, 4)), 2 * draw.normal(size=(70, 4)) + 1
  c, d = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
  expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(
    c + d - 2 * linalg.sqrtm(c @ d).real
  )
  assert fid.distance(a, b) == pytest.approx(expected)


def test_fewer_pictures_than_features_do_no_harm():
  features = np.random.default_rng(0).normal(size=(5, 40))
  assert fid.distance(features, features) == pytest.approx(0, abs=1e-6)
  assert fid.distance(features, features + 1) == pytest.approx(40)


def test_one_feature_is_enough_and_one_picture_is_not():
  assert fid.distance([[0.0], [2.0]], [[1.0], [3.0]]) == pytest.approx(1)
  with pytest.raises(ValueError, match="two pictures"):
    fid.distance(np.zeros((1, 3)), np.zeros((2, 3)))
