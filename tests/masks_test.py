import numpy as np
import pytest
import tensorflow as tf

from gatedinpaint_jax.data import hole_shapes, masks
from tests import pictures

# Hole fractions at 1, 5, 25, 50, 75, 95, 99 % of 4,000 masks of 256 x 256 that
# the released program drew (with Pillow 8.4 and numpy's generator).
RELEASED = {
  "strokes": (0.0200, 0.0355, 0.0892, 0.1455, 0.2086, 0.2948, 0.3627),
  "boxes": (0.1436, 0.1525, 0.1740, 0.1904, 0.2076, 0.2308, 0.2422),
  "strokes_and_boxes": (
    0.1845,
    0.2076,
    0.2559,
    0.3030,
    0.3553,
    0.4360,
    0.4967,
  ),
}
QUANTILES = (1, 5, 25, 50, 75, 95, 99)
# The last quantile of the union misses 0.01: 20,000 of our masks have 0.486
# there. So have 20,000 drawn step by step as the released program is described
# to (0.485), so it is the 4,000 released masks that lie high; see DIFFERENCES.
TOLERANCES = {
  "strokes": 0.01,
  "boxes": 0.01,
  "strokes_and_boxes": (0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.015),
}


def make_masks(count, height, width, holes, reduce=lambda mask: mask):
  dataset = tf.data.Dataset.range(count).map(
    lambda i: reduce(
      masks.make_mask(tf.stack([3, i]), height, width, holes=holes)
    ),
    num_parallel_calls=2,
  )
  return np.stack(list(dataset.as_numpy_iterator()))


@pytest.mark.parametrize("kind", RELEASED)
def test_holes_are_as_large_as_those_of_the_released_program(kind):
  holes = hole_shapes.Holes(kind=kind)
  fractions = make_masks(3000, 256, 256, holes, tf.reduce_mean)
  off = np.abs(np.percentile(fractions, QUANTILES) - RELEASED[kind])
  assert np.all(off < TOLERANCES[kind]), off


@pytest.mark.parametrize("kind", ["strokes", "boxes", "strokes_and_boxes"])
def test_hole_fraction_does_not_depend_on_the_size(kind):
  holes = hole_shapes.Holes(kind=kind)
  small = make_masks(300, 64, 64, holes, tf.reduce_mean)
  large = make_masks(300, 512, 512, holes, tf.reduce_mean)
  # Equal seeds give the same shape at every size, but for rounding.
  np.testing.assert_allclose(small.mean(), large.mean(), atol=0.01)


def test_mask_is_zeros_and_ones_with_one_channel():
  mask = masks.make_mask(tf.constant([0, 1]), 64, 96).numpy()
  assert mask.shape == (64, 96, 1) and mask.dtype == np.float32
  assert set(np.unique(mask)) == {0, 1}


def test_same_seed_same_mask_alone_and_in_a_pipeline():
  holes = hole_shapes.Holes()
  for i, mask in enumerate(make_masks(3, 64, 64, holes)):
    seed = tf.constant([3, i], tf.int64)
    np.testing.assert_array_equal(mask, masks.make_mask(seed, 64, 64))


def test_union_is_the_strokes_and_the_box_of_its_parts():
  parts = [
    make_masks(3, 64, 64, hole_shapes.Holes(kind=kind))
    for kind in ("strokes", "boxes", "strokes_and_boxes")
  ]
  np.testing.assert_array_equal(np.maximum(parts[0], parts[1]), parts[2])


def test_flips_cover_all_quarters_equally():
  def quarter_means(flip):
    holes = hole_shapes.Holes(kind="strokes", flip=flip)
    mean = make_masks(1500, 64, 64, holes)[..., 0].mean(axis=0)
    return mean.reshape(2, 32, 2, 32).mean(axis=(1, 3)).ravel()

  # Without flips strokes are lopsided: they run to the right and downwards.
  assert np.ptp(quarter_means(flip=False)) > 0.05
  assert np.ptp(quarter_means(flip=True)) < 0.02


def test_each_flip_happens_every_other_time_on_its_own():
  mirrored = tf.data.Dataset.range(200).map(
    lambda i: masks.draw_numbers(
      tf.stack([7, i]), 4, 4, hole_shapes.Holes(kind="boxes")
    )["mirrored"]
  )
  # A box in a corner shows where it went; 200 masks of one box.
  boxes = hole_shapes.Boxes(size=(0.25, 0.25), max_shrink=(0.0, 0.0))
  draws = {
    "box": tf.zeros([200, 4]),
    "mirrored": next(iter(mirrored.batch(200))),
  }
  holes = hole_shapes.Holes(kind="boxes", boxes=boxes)
  drawn = masks.fill(draws, 4, 4, holes).numpy().reshape(200, 16)
  corners = drawn.argmax(axis=1)
  places, counts = np.unique(corners, return_counts=True)
  assert list(places) == [0, 3, 12, 15]
  assert counts.min() > 35


def test_halves_of_a_wide_picture_are_covered_equally():
  mean = make_masks(800, 64, 128, hole_shapes.Holes())[..., 0].mean(axis=0)
  assert abs(mean[:, :64].mean() / mean[:, 64:].mean() - 1) < 0.05


def test_box_as_large_as_the_picture_is_allowed():
  boxes = hole_shapes.Boxes(size=(1.0, 1.0), max_shrink=(0.0, 0.0))
  holes = hole_shapes.Holes(kind="boxes", boxes=boxes)
  assert make_masks(2, 16, 24, holes).min() == 1


def write_mask(path, invert=False):
  pixels = np.full((8, 8, 3), 127, np.uint8)
  pixels[:4] = 128
  path.write_bytes(pictures.encoded(255 - pixels if invert else pixels, "PNG"))
  return str(path)


def test_mask_files_are_hole_from_128_on(tmp_path):
  paths = (write_mask(tmp_path / "a.png"),)
  holes = hole_shapes.Holes(kind="files", paths=paths, flip=False)
  mask = make_masks(1, 16, 24, holes)[0, ..., 0]
  assert mask[:8].min() == 1 and mask[8:].max() == 0
  inverted = hole_shapes.Holes(
    kind="files", paths=paths, flip=False, invert=True
  )
  np.testing.assert_array_equal(
    make_masks(1, 16, 24, inverted)[0, ..., 0], 1 - mask
  )


def test_every_mask_file_is_used(tmp_path):
  paths = (
    write_mask(tmp_path / "a.png"),
    write_mask(tmp_path / "b.png", invert=True),
  )
  holes = hole_shapes.Holes(kind="files", paths=paths, flip=False)
  top = make_masks(40, 16, 16, holes)[:, 0, 0, 0]
  assert 8 < top.sum() < 32


def test_unreadable_mask_files_are_found(tmp_path):
  good = write_mask(tmp_path / "a.png")
  (tmp_path / "b.png").write_text("no picture")
  bad = str(tmp_path / "b.png")
  assert masks.unreadable_files([good, bad]) == [bad]


def test_mask_files_are_mirrored_as_told():
  picture = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
  draws = {
    "picture": tf.constant(picture),
    "mirrored": tf.constant([[True, False]]),
  }
  holes = hole_shapes.Holes(kind="files")
  filled = masks.fill(draws, 2, 3, holes).numpy()[..., 0]
  np.testing.assert_array_equal(filled, picture[:, ::-1])
