import numpy as np
import pytest
import tensorflow as tf

from gatedinpaint_jax.data import sketches
from tests import pictures

# TensorFlow runs eagerly here, and takes NumPy's arrays.
pytestmark = pytest.mark.parametrize(
  "xp", [np, tf], ids=["numpy", "tensorflow"]
)


def find(grey, xp):
  """Returns the edges of a picture of grey values."""
  pixels = np.repeat(grey[..., None], 3, axis=2).astype(np.float32)
  return np.asarray(sketches.edges(pixels, xp))


@pytest.mark.parametrize("vertical", [False, True])
def test_edge_between_two_tones_is_one_line_of_one_pixel(vertical, xp):
  grey = np.full((16, 16), 40)
  grey[8:] = 200
  found = find(grey.T, xp).T if vertical else find(grey, xp)
  assert found[7].min() == 1
  assert np.delete(found, 7, axis=0).max() == 0


def test_diagonal_edge_is_thin(xp):
  y, x = np.mgrid[:24, :24]
  found = find(np.where(x > y, 220, 30), xp)
  rows = (found[4:-4, 4:-4] > 0.5).sum(axis=1)
  # At most two neighbours: the steps of the line join.
  assert rows.min() >= 1 and rows.max() <= 2


def test_flat_picture_has_no_edges(xp):
  assert not np.any(find(np.full((8, 8), 99), xp))


def test_both_libraries_find_the_same_edges(xp):
  pixels = pictures.noise(32, 40).astype(np.float32)
  np.testing.assert_allclose(
    sketches.edges(pixels, xp), sketches.edges(pixels, np), atol=1e-5
  )
