import numpy as np
import pytest
import tensorflow as tf

from gatedinpaint_jax.data import hole_shapes, strokes

SHAPE = hole_shapes.Strokes()


def draw(seed, height, width):
  return strokes.draw(tf.constant([5, seed], tf.int64), height, width, SHAPE)


def test_same_seed_same_strokes_alone_and_in_a_pipeline():
  dataset = tf.data.Dataset.range(4).map(
    lambda i: strokes.draw(tf.stack([5, i]), 64, 96, SHAPE)
  )
  drawn = list(dataset.as_numpy_iterator())
  for i, mask in enumerate(drawn):
    np.testing.assert_array_equal(mask, draw(i, 64, 96))
  assert not np.array_equal(drawn[0], drawn[1])


def test_thick_segment_is_all_points_near_it_and_between_its_ends():
  rows = tf.range(40, dtype=tf.float64)[None]
  y, x = np.mgrid[:40, :48]
  for x0, y0, x1, y1, brush in (
    (5, 6, 40, 30, 7),
    (40, 6, 5, 30, 4),
    (3, 20, 44, 20, 5),
    (20, 35, 20, 2, 6),
    (30, 38, 47, 0, 1),
  ):
    segment = tf.constant([[x0, y0, x1, y1, brush]], tf.float64)
    drawn = strokes._fill_rows(*strokes._segment_rows(segment, rows), 48)
    dx, dy = x1 - x0, y1 - y0
    along = dx * (x - x0) + dy * (y - y0)
    across = dx * (y - y0) - dy * (x - x0)
    square = dx**2 + dy**2
    expected = (along >= 0) & (along <= square)
    expected &= 4 * across**2 <= brush**2 * square
    np.testing.assert_array_equal(drawn, expected)


def test_segment_without_length_is_empty():
  rows = tf.range(8, dtype=tf.float64)[None]
  segment = tf.constant([[3, 3, 3, 3, 4]], tf.float64)
  drawn = strokes._fill_rows(*strokes._segment_rows(segment, rows), 8)
  assert not np.any(drawn)


def test_disc_is_round_and_cut_at_the_border():
  rows = tf.range(24, dtype=tf.float64)[None]
  y, x = np.mgrid[:24, :32]
  for cx, cy, radius in ((12, 11, 6), (0, 0, 5), (32, 24, 4), (9, 9, 0)):
    disc = tf.constant([[cx, cy, radius]], tf.float64)
    drawn = strokes._fill_rows(*strokes._disc_rows(disc, rows), 32)
    expected = (x - cx) ** 2 + (y - cy) ** 2 <= radius**2 + radius
    np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize("width", [8, 16, 24, 40])
def test_overlapping_intervals_fill_their_union(width):
  generator = np.random.default_rng(width)
  first = generator.integers(-5, width + 5, (6, 7))
  last = first + generator.integers(-3, 9, (6, 7))
  drawn = strokes._fill_rows(
    tf.constant(first, tf.float64), tf.constant(last, tf.float64), width
  )
  columns = np.arange(width)
  inside = (columns >= first[..., None]) & (columns <= last[..., None])
  np.testing.assert_array_equal(drawn, inside.any(axis=0))


def test_both_halves_of_a_wide_picture_are_covered_equally_often():
  seeds = tf.data.Dataset.range(400)
  drawn = seeds.map(lambda i: strokes.draw(tf.stack([1, i]), 128, 256, SHAPE))
  mean = np.mean([mask.mean(axis=0) for mask in drawn.as_numpy_iterator()], 0)
  left, right = mean[:128].mean(), mean[128:].mean()
  # Strokes move to the right, so that half has more; the released program
  # leaves it almost empty. Flips make both equal (masks_test.py).
  assert 0.5 < left / right < 1.2
