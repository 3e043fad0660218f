import numpy as np
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import drawn_holes, hole_shapes
from tests import masks_test, pictures


def draw(seed, height, width, **holes):
  return drawn_holes.draw_mask(
    np.random.default_rng([1, seed]),
    height,
    width,
    hole_shapes.Holes(**holes),
  )


@pytest.mark.parametrize("kind", masks_test.RELEASED)
def test_holes_are_as_large_as_those_of_the_released_program(kind):
  fractions = [draw(i, 256, 256, kind=kind).mean() for i in range(3000)]
  off = np.abs(
    np.percentile(fractions, masks_test.QUANTILES) - masks_test.RELEASED[kind]
  )
  assert np.all(off < masks_test.TOLERANCES[kind]), off


def test_mask_is_zeros_and_ones_with_one_channel():
  mask = draw(0, 64, 96)
  assert mask.shape == (64, 96, 1) and mask.dtype == np.float32
  assert set(np.unique(mask)) == {0, 1}


def test_box_sizes_are_those_of_the_numbers():
  for i in range(20):
    mask = draw(i, 64, 96, kind="boxes")[..., 0]
    rows, columns = mask.any(axis=1).sum(), mask.any(axis=0).sum()
    assert mask.sum() == rows * columns
    assert rows % 2 == columns % 2 == 0
    assert 24 <= rows <= 32 and 36 <= columns <= 48


def test_halves_and_quarters_are_covered_equally():
  mean = np.mean([draw(i, 64, 128) for i in range(1500)], axis=0)
  quarters = mean.reshape(2, 32, 2, 64).mean(axis=(1, 3))
  assert np.ptp(quarters) < 0.03


def test_both_halves_of_a_wide_picture_are_covered_before_the_flips():
  masks = [draw(i, 64, 128, kind="strokes", flip=False) for i in range(400)]
  columns = np.mean(masks, axis=(0, 1, 3))
  # With the sides swapped, as in the released program, the right half has
  # almost nothing; strokes move to the right, so it has a little more.
  assert 0.5 < columns[:64].mean() / columns[64:].mean() < 1.2


def test_mask_files_are_hole_from_128_on(tmp_path):
  pixels = np.full((8, 8, 3), 127, np.uint8)
  pixels[:4] = 128
  path = tmp_path / "a.png"
  path.write_bytes(pictures.encoded(pixels, "PNG"))
  files = {"kind": "files", "paths": (str(path),), "flip": False}
  mask = draw(0, 16, 24, **files)[..., 0]
  assert mask[:8].min() == 1 and mask[8:].max() == 0
  np.testing.assert_array_equal(
    draw(0, 16, 24, invert=True, **files)[..., 0], 1 - mask
  )
  path.write_text("no picture")
  with pytest.raises(errors.UserError, match=r"config\.mask\.path: .*a\.png"):
    draw(0, 16, 24, **files)
