import numpy as np
import pytest
import tensorflow as tf

from gatedinpaint_jax.data import drawn_edges, recipe, sketches
from tests import pictures

SEED = tf.constant([1, 2], tf.int64)


def sketch(strength, mask, **sketching):
  return sketches.sketch(
    tf.constant(strength, tf.float32),
    tf.constant(mask, tf.float32),
    SEED,
    recipe.Sketching(kind="files", **sketching),
  ).numpy()


def test_line_is_strictly_above_the_threshold():
  strength = np.array([152, 153, 154]).reshape(1, 3, 1) / 255
  lines = sketch(strength.astype(np.float32), np.ones((1, 3, 1)))
  assert lines.ravel().tolist() == [0, 0, 1]


def test_lines_are_only_inside_the_hole():
  mask = np.array([0, 1]).reshape(1, 2, 1)
  lines = sketch(np.ones((1, 2, 1)), mask)
  assert lines.ravel().tolist() == [0, 1]


def test_sketch_is_dropped_whole_as_often_as_asked():
  rule = recipe.Sketching(kind="edges", drop_probability=0.25)
  ones = tf.ones([2, 2, 1])
  dataset = tf.data.Dataset.range(400).map(
    lambda i: sketches.sketch(ones, ones, tf.stack([9, i]), rule)
  )
  sums = [lines.sum() for lines in dataset.as_numpy_iterator()]
  assert set(sums) == {0, 4}
  assert 70 < sums.count(0) < 130


def two_tones(vertical):
  pixels = np.full((16, 16, 3), 40, np.uint8)
  pixels[8:] = 200
  return pixels.swapaxes(0, 1) if vertical else pixels


@pytest.mark.parametrize("vertical", [False, True])
def test_edge_between_two_tones_is_one_line_of_one_pixel(vertical):
  found = sketches.edges(two_tones(vertical))[..., 0].numpy()
  found = found.T if vertical else found
  assert found[7].min() == 1
  assert np.delete(found, 7, axis=0).max() == 0


def test_diagonal_edge_is_thin():
  y, x = np.mgrid[:24, :24]
  grey = np.where(x > y, 220, 30).astype(np.uint8)
  found = sketches.edges(np.repeat(grey[..., None], 3, axis=2))
  rows = (found[4:-4, 4:-4, 0].numpy() > 0.5).sum(axis=1)
  # Two beside each other at most: the steps of the line join.
  assert rows.min() >= 1 and rows.max() <= 2


def test_flat_picture_has_no_edges():
  assert not np.any(sketches.edges(np.full((8, 8, 3), 99, np.uint8)))


def test_numpy_finds_the_same_edges():
  pixels = pictures.noise(32, 40)
  np.testing.assert_allclose(
    sketches.edges(pixels)[..., 0], drawn_edges.edges(pixels), atol=1e-5
  )
