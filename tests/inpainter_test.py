"""`Inpainter`: sizes, known pixels, and programs."""

import hypothesis
import jax
import numpy as np
import pytest
from hypothesis import strategies as st

import gatedinpaint_jax
from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors
from gatedinpaint_jax.inference import inpainter as inpainter_lib
from gatedinpaint_jax.inference import jax_backend
from gatedinpaint_jax.networks import inpaint_generator
from tests import inpainters, small_checkpoint

SIDES = st.integers(1, 40)


@hypothesis.settings(deadline=None, max_examples=50)
@hypothesis.given(SIDES, SIDES, st.sampled_from([8, 16, 64]))
def test_size_stays_and_known_pixels_stay(height, width, bucket):
  inpainter, _ = inpainters.make_fake(bucket=bucket)
  image, mask = inpainters.draw_picture(0, height, width)
  before = image.copy()
  completed = inpainter(image, mask)
  assert completed.shape == image.shape and completed.dtype == np.uint8
  known = mask == 0
  np.testing.assert_array_equal(completed[known], image[known])
  # 0 + 1/4 is what the fake predicts in a hole: level 159.4.
  assert np.all(completed[~known] == 159)
  np.testing.assert_array_equal(image, before)


def test_sides_are_padded_to_multiples_of_the_bucket():
  inpainter, _ = inpainters.make_fake(bucket=64)
  assert inpainter.padded_size(64, 65) == (64, 128)


@hypothesis.settings(deadline=None, max_examples=10)
@hypothesis.given(st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=12))
def test_each_padded_size_is_compiled_once(sizes):
  inpainter, generator = inpainters.make_fake()
  for height, width in sizes:
    image, mask = inpainters.draw_picture(0, height, width)
    mask[0, 0] = 255
    inpainter(image, mask)
    inpainter(image, mask, return_details=True)
  padded = {(1, *inpainter.padded_size(*size)) for size in sizes}
  assert sorted(generator.traces) == sorted(padded)


def test_memory_holds_a_limited_number_of_programs(monkeypatch):
  monkeypatch.setattr(jax_backend, "MAX_PROGRAMS", 2)
  inpainter, generator = inpainters.make_fake()
  for width in (8, 16, 8, 16, 24, 24, 8):
    inpainter(*inpainters.draw_picture(0, 8, width))
  # 8 and 16 were forgotten for 24.
  assert [shape[2] for shape in generator.traces] == [8, 16, 24, 8]
  assert inpainter._backends.get("jax")._predict._cache_size() == 2


@hypothesis.settings(deadline=None, max_examples=20)
@hypothesis.given(SIDES, SIDES)
def test_exactly_what_was_added_is_marked_as_padding(height, width):
  inpainter, _ = inpainters.make_fake()
  image, mask = inpainters.draw_picture(0, height, width)
  padding = inpainter(image, mask, return_details=True).offsets[..., 0]
  assert padding.shape == inpainter.padded_size(height, width)
  assert np.all(padding[:height, :width] == 0)
  assert padding.sum() == padding.size - height * width


def test_levels_from_128_are_hole_and_above_153_are_lines():
  inpainter, _ = inpainters.make_fake(guided=True)
  image = np.full((1, 5, 3), 100, np.uint8)
  mask = np.array([[0, 127, 128, 255, 128]], np.uint8)
  sketch = np.array([[255, 255, 153, 154, 0]], np.uint8)
  details = inpainter(image, mask, sketch, return_details=True)
  completed = details.image[0, :, 0]
  # A line adds 1/2 in the hole, and nothing outside of it.
  np.testing.assert_array_equal(completed, [100, 100, 159, 223, 159])
  known = batch_lib.from_uint8(100 / 2 + 127.5 / 2)
  np.testing.assert_allclose(details.refined[0, :2, 0], known, atol=1e-6)
  np.testing.assert_array_equal(
    inpainter(image, mask >= 128, sketch > 153)[0, :, 0], completed
  )


def test_empty_mask_returns_an_equal_picture_without_computing():
  inpainter, generator = inpainters.make_fake()
  image, mask = inpainters.draw_picture(0, 9, 9)
  completed = inpainter(image, np.zeros_like(mask))
  np.testing.assert_array_equal(completed, image)
  assert completed is not image and not generator.traces


@pytest.mark.parametrize(
  ("change", "message"),
  [
    ({"image": np.zeros((8, 8, 3), np.float32)}, "image is float32"),
    ({"image": np.zeros((8, 8), np.uint8)}, r"image is uint8 \(8, 8\)"),
    ({"image": np.zeros((8, 8, 4), np.uint8)}, r"image \(8, 8, 4\)"),
    ({"image": np.zeros((0, 8, 3), np.uint8)}, "not empty"),
    ({"mask": np.zeros((8, 9), np.uint8)}, r"mask \(8, 9\) must be \(8, 8\)"),
    ({"mask": np.zeros((8, 8), np.float32)}, "mask is float32"),
    ({"sketch": np.zeros((8, 8), np.uint8)}, "not guided"),
    ({"sketch": np.zeros((8, 9), np.uint8)}, r"sketch \(8, 9\)"),
  ],
)
def test_wrong_arrays_are_refused(change, message):
  inpainter, _ = inpainters.make_fake()
  right = {
    "image": np.zeros((8, 8, 3), np.uint8),
    "mask": np.ones((8, 8), bool),
  }
  with pytest.raises(ValueError, match=message):
    inpainter(**(right | change))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_prediction_that_is_not_finite_fills_nothing(value):
  params = np.full((1, 1, 1, 1), value, np.float32)
  generator = inpainters.FakeGenerator(guided=False)
  inpainter = inpainter_lib.Inpainter(
    generator, params, backend="jax", source="runs/a/checkpoints/3"
  )
  image, mask = inpainters.draw_picture(0, 8, 8)
  with pytest.raises(errors.UserError, match=r"^runs/a/checkpoints/3 predicts"):
    inpainter(image, mask)


@pytest.mark.parametrize("bucket", [0, 4, 12, -8])
def test_bucket_that_the_networks_cannot_take_is_refused(bucket):
  with pytest.raises(ValueError, match=f"bucket={bucket}"):
    inpainters.make_fake(bucket=bucket)


@pytest.mark.parametrize("size", [(1, 1), (17, 40)])
def test_batch_of_different_holes_equals_one_by_one(size):
  inpainter = inpainters.make_calm()
  image, _ = inpainters.draw_picture(2, 3, *size)
  mask = np.zeros(image.shape[:3], bool)
  mask[0, : size[0] // 2 + 1] = mask[1, :, size[1] // 2 :] = True
  together = inpainter(image, mask)
  for i in range(3):
    alone = inpainter(image[i], mask[i])
    np.testing.assert_allclose(
      together[i].astype(int), alone.astype(int), atol=1
    )


def test_size_that_fits_runs_as_the_generator_alone():
  inpainter = inpainters.make_calm()
  image, mask = inpainters.draw_picture(3, 16, 24)
  hole = (mask >= 128)[None, ..., None].astype(np.float32)
  pixels = batch_lib.from_uint8(image[None].astype(np.float32))
  generator = inpaint_generator.InpaintGenerator(width=4)
  params = small_checkpoint.calm_params()
  expected = jax.jit(generator.apply)(
    {"params": params}, batch_lib.erase(pixels, hole), hole
  )
  details = inpainter(image, mask, return_details=True)
  np.testing.assert_allclose(details.refined, expected.refined[0], atol=1e-5)
  np.testing.assert_array_equal(details.offsets, expected.offsets[0])


def test_the_package_hands_out_the_inpainter():
  assert gatedinpaint_jax.Inpainter is inpainter_lib.Inpainter
  with pytest.raises(AttributeError, match="no attribute 'Impainter'"):
    _ = gatedinpaint_jax.Impainter


def test_mask_of_labels_is_refused():
  inpainter, _ = inpainters.make_fake()
  image = np.zeros((16, 16, 3), np.uint8)
  labels = np.ones((16, 16), np.uint8)
  for images, masks in (
    (image, labels),
    (np.stack([image] * 2), np.stack([255 * labels, labels])),
  ):
    with pytest.raises(ValueError, match="mask has values up to 1 only; hole"):
      inpainter(images, masks)
