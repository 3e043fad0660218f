import zlib

import numpy as np
import tensorflow as tf

from gatedinpaint_jax.data import hole_shapes, strokes

SHAPE = hole_shapes.Strokes()
# Of the first eight masks of `draw`; a change gives other holes in training.
CHECKSUM = 2729078408


def draw(seed, height, width, flips=(False, False)):
  numbers = strokes.draw_numbers(tf.constant([5, seed], tf.int64), SHAPE)
  batch = strokes.Numbers(*(part[None] for part in numbers))
  filled = strokes.fill(batch, tf.constant([flips]), height, width, SHAPE)
  return filled[0].numpy()


def segments(*values):
  columns = np.array(values, np.float64).T
  return strokes._Segments(*map(tf.constant, columns))


def filled(rows, width):
  """Returns `[H, W]` bool: the union of intervals, [N, H] each."""
  first, last = (tf.constant(np.asarray(part, np.float64)) for part in rows)
  height = first.shape[1]
  start = np.broadcast_to(
    np.arange(height, dtype=np.int32) * width, first.shape
  )
  mask = strokes._fill_rows(first, last, start, width, height * width)
  return mask.numpy().reshape(height, width) > 0


def test_strokes_stay_what_they_were():
  masks = np.stack([draw(i, 64, 96) for i in range(8)])
  assert zlib.crc32(np.packbits(masks > 0)) == CHECKSUM


def test_mirrored_strokes_are_the_same_pixels_mirrored():
  plain = draw(3, 64, 96)
  np.testing.assert_array_equal(draw(3, 64, 96, (False, True)), plain[::-1])
  np.testing.assert_array_equal(draw(3, 64, 96, (True, False)), plain[:, ::-1])


def test_thick_segment_is_all_points_near_it_and_between_its_ends():
  y, x = np.mgrid[:40, :48]
  for x0, y0, x1, y1, brush in (
    (5, 6, 40, 30, 7),
    (40, 6, 5, 30, 4),
    (3, 20, 44, 20, 5),
    (20, 35, 20, 2, 6),
    (30, 38, 47, 0, 1),
  ):
    segment = segments((x0, y0, x1, y1, brush))
    drawn = filled(strokes._straight_rows(segment, 40), 48)
    dx, dy = x1 - x0, y1 - y0
    along = dx * (x - x0) + dy * (y - y0)
    across = dx * (y - y0) - dy * (x - x0)
    square = dx**2 + dy**2
    expected = (along >= 0) & (along <= square)
    expected &= 4 * across**2 <= brush**2 * square
    np.testing.assert_array_equal(drawn, expected)


def test_disc_is_round_and_cut_at_the_border():
  y, x = np.mgrid[:24, :32]
  for cx, cy, radius in ((12, 11, 6), (0, 0, 5), (32, 24, 4), (9, 9, 0)):
    disc = (tf.constant([float(v)], tf.float64) for v in (cx, cy, radius))
    drawn = filled(strokes._disc_rows(*disc, 24), 32)
    expected = (x - cx) ** 2 + (y - cy) ** 2 <= radius**2 + radius
    np.testing.assert_array_equal(drawn, expected)


def test_segment_with_its_discs_is_their_union_without_gaps():
  generator = np.random.default_rng(0)
  ends = generator.integers(0, 40, (300, 4))
  ends[:20, 2:] = ends[:20, :2]  # some of no length
  brushes = generator.integers(1, 14, (300, 1))
  together = segments(*np.hstack([ends, brushes]))
  radius = together.brush // 2
  parts = [
    strokes._straight_rows(together, 40),
    strokes._disc_rows(*together[:2], radius, 40),
    strokes._disc_rows(*together[2:4], radius, 40),
  ]
  columns = np.arange(-20, 60)

  def inside(rows):
    first, last = (part.numpy()[..., None] for part in rows)
    return (first <= columns) & (columns <= last)

  np.testing.assert_array_equal(
    inside(strokes._rows(together, 40)), sum(map(inside, parts)) > 0
  )
