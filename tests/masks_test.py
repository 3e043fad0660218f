import numpy as np
import pytest
import tensorflow as tf

from gatedinpaint_jax.data import hole_shapes, masks, pillow_masks
from tests import pictures

# Hole fractions at 1, 5, 25, 50, 75, 95, 99 % of 4,000 masks of 256 x 256 that
# the released program drew (with Pillow 8.4 and numpy's generator).
RELEASED = {
  "strokes": (0.0200, 0.0355, 0.0892, 0.1455, 0.2086, 0.2948, 0.3627),
  "boxes": (0.1436, 0.1525, 0.1740, 0.1904, 0.2076, 0.2308, 0.2422),
  "strokes_and_boxes": (0.1845, 0.2076, 0.2559, 0.3030, 0.3553, 0.4360, 0.4967),
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


def draw_in_tensorflow(count, height, width, holes):
  dataset = tf.data.Dataset.range(count).map(
    lambda i: masks.draw_numbers(tf.stack([3, i]), height, width, holes),
    num_parallel_calls=2,
  )
  batches = dataset.batch(50).map(
    lambda batch: masks.fill(batch, height, width, holes)
  )
  for batch in batches.as_numpy_iterator():
    yield from batch


def draw_with_pillow(count, height, width, holes):
  for i in range(count):
    generator = np.random.default_rng([1, i])
    yield pillow_masks.draw_mask(generator, height, width, holes)


both_routes = pytest.mark.parametrize(
  "draw", [draw_in_tensorflow, draw_with_pillow]
)


@pytest.mark.parametrize("kind", RELEASED)
@both_routes
def test_holes_are_as_large_as_those_of_the_released_program(kind, draw):
  drawn = draw(2000, 256, 256, hole_shapes.Holes(kind=kind))
  fractions = [mask.mean() for mask in drawn]
  off = np.abs(np.percentile(fractions, QUANTILES) - RELEASED[kind])
  assert np.all(off < TOLERANCES[kind]), off


@pytest.mark.parametrize("kind", ["strokes", "boxes"])
@both_routes
def test_hole_fraction_does_not_depend_on_the_size(kind, draw):
  holes = hole_shapes.Holes(kind=kind)
  small, large = (
    np.mean([mask.mean() for mask in draw(150, side, side, holes)])
    for side in (64, 512)
  )
  # Equal seeds give the same shape at every size, but for rounding.
  np.testing.assert_allclose(small, large, atol=0.01)


def test_same_seed_same_mask_in_batches_of_any_size():
  holes = hole_shapes.Holes()
  for i, mask in enumerate(draw_in_tensorflow(2, 64, 64, holes)):
    numbers = masks.draw_numbers(tf.constant([3, i], tf.int64), 64, 64, holes)
    alone = tf.nest.map_structure(lambda part: part[None], numbers)
    np.testing.assert_array_equal(mask, masks.fill(alone, 64, 64, holes)[0])


def test_union_is_the_strokes_and_the_box_of_its_parts():
  strokes, boxes, unions = (
    draw_in_tensorflow(3, 64, 64, hole_shapes.Holes(kind=kind))
    for kind in ("strokes", "boxes", "strokes_and_boxes")
  )
  for stroke, box, union in zip(strokes, boxes, unions, strict=True):
    np.testing.assert_array_equal(np.maximum(stroke, box), union)


@both_routes
def test_box_sizes_are_those_of_the_numbers(draw):
  for mask in draw(20, 64, 96, hole_shapes.Holes(kind="boxes")):
    rows, columns = mask.any(axis=1).sum(), mask.any(axis=0).sum()
    assert mask.sum() == rows * columns
    assert rows % 2 == columns % 2 == 0
    assert 24 <= rows <= 32 and 36 <= columns <= 48


@both_routes
def test_flips_cover_all_quarters_equally(draw):
  def quarter_means(flip):
    holes = hole_shapes.Holes(kind="strokes", flip=flip)
    mean = np.mean(list(draw(1500, 64, 64, holes)), axis=0)
    return mean.reshape(2, 32, 2, 32).mean(axis=(1, 3)).ravel()

  # Without flips strokes are lopsided: they run to the right and downwards.
  assert np.ptp(quarter_means(flip=False)) > 0.05
  assert np.ptp(quarter_means(flip=True)) < 0.02


@both_routes
def test_both_halves_of_a_wide_picture_are_covered_equally_often(draw):
  def left_over_right(flip):
    holes = hole_shapes.Holes(kind="strokes", flip=flip)
    columns = np.mean(list(draw(800, 64, 128, holes)), axis=(0, 1, 3))
    return columns[:64].mean() / columns[64:].mean()

  # Strokes move to the right, so that half has more; the released program
  # leaves it almost empty.
  assert 0.5 < left_over_right(flip=False) < 1.2
  assert abs(left_over_right(flip=True) - 1) < 0.05


def test_each_flip_happens_every_other_time_on_its_own():
  # A box in a corner shows where it went; 200 masks of one box.
  boxes = hole_shapes.Boxes(size=(0.25, 0.25), max_shrink=(0.0, 0.0))
  holes = hole_shapes.Holes(kind="boxes", boxes=boxes)
  mirrored = tf.data.Dataset.range(200).map(
    lambda i: masks.draw_numbers(tf.stack([7, i]), 4, 4, holes)["flips"]
  )
  flips = next(iter(mirrored.batch(200)))
  drawn = masks.fill({"box": tf.zeros([200, 4]), "flips": flips}, 4, 4, holes)
  corners = drawn.numpy().reshape(200, 16).argmax(axis=1)
  places, counts = np.unique(corners, return_counts=True)
  assert list(places) == [0, 3, 12, 15]
  assert counts.min() > 35


@both_routes
def test_box_as_large_as_the_picture_is_allowed(draw):
  boxes = hole_shapes.Boxes(size=(1.0, 1.0), max_shrink=(0.0, 0.0))
  holes = hole_shapes.Holes(kind="boxes", boxes=boxes)
  assert all(mask.min() == 1 for mask in draw(2, 16, 24, holes))


def write_mask(path, invert=False):
  pixels = np.full((8, 8, 3), 127, np.uint8)
  pixels[:4] = 128
  pixels[0], pixels[-1] = 255, 0  # or it would be grey all over
  path.write_bytes(pictures.encoded(255 - pixels if invert else pixels, "PNG"))
  return str(path)


@both_routes
def test_mask_files_are_hole_from_128_on(tmp_path, draw):
  paths = (write_mask(tmp_path / "a.png"),)
  mask, inverted = (
    next(draw(1, 16, 24, hole_shapes.Holes("files", False, paths=paths, **how)))
    for how in ({}, {"invert": True})
  )
  assert mask[:8].min() == 1 and mask[8:].max() == 0
  np.testing.assert_array_equal(inverted, 1 - mask)


@both_routes
def test_every_mask_file_is_used(tmp_path, draw):
  paths = (
    write_mask(tmp_path / "a.png"),
    write_mask(tmp_path / "b.png", invert=True),
  )
  holes = hole_shapes.Holes(kind="files", paths=paths, flip=False)
  top = [mask[0, 0, 0] for mask in draw(40, 16, 16, holes)]
  assert 8 < sum(top) < 32


def test_mask_files_are_mirrored():
  picture = np.array([[[True, False, True], [False, False, True]]])
  draws = {
    "picture": tf.constant(picture),
    "flips": tf.constant([[False, True]]),
  }
  holes = hole_shapes.Holes(kind="files")
  filled = masks.fill(draws, 2, 3, holes).numpy()[..., 0]
  np.testing.assert_array_equal(filled, picture[:, ::-1])
