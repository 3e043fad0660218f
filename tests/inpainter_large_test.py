"""`Inpainter` and pictures that are too large to be filled exactly."""

import types

import numpy as np
import pytest

from gatedinpaint_jax import errors, values
from gatedinpaint_jax.baselines import completion_network
from gatedinpaint_jax.inference import detail, large_pictures, memory
from gatedinpaint_jax.inference import inpainter as inpainter_lib
from tests import inpainters, pictures

# Sides that are no multiples of the places, of which the picture has 3 x 5
# after it was reduced by 3.
SIZE = (70, 106)


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
  monkeypatch.setattr(large_pictures, "MOST_EXACT_PIXELS", 48 * 48)
  monkeypatch.setattr(large_pictures, "_MOST_REDUCED_PIXELS", 32 * 48)


def holes():
  """One in the middle, one at the corner, a line at the border."""
  hole = np.zeros(SIZE, bool)
  hole[20:50, 30:60] = hole[-9:, -13:] = hole[:1] = True
  return hole


@pytest.mark.parametrize("backend", ["jax", "openvino"])
def test_what_is_not_reduced_equals_the_exact_fill(backend):
  if backend == "openvino":
    inpainters.skip_without_openvino()
  inpainter = inpainters.make_calm(backend=backend, large="exact")
  image, _ = inpainters.draw_picture(0, *SIZE)
  hole = holes()
  exact = inpainter(image, hole)
  whole = large_pictures.Part((slice(0, 70), slice(0, 106)), 1)
  refined = inpainter._fill_with_detail(image[None], hole[None], None, whole)
  found = np.round(127.5 * (refined + 1))
  assert np.abs(found - exact)[hole].max() <= 1


@pytest.mark.parametrize("large", ["auto", "crop", "detail"])
def test_known_pixels_stay_and_each_picture_is_filled_by_itself(large):
  inpainter = inpainters.make_calm(large=large)
  images, _ = inpainters.draw_picture(1, 3, *SIZE)
  masks = np.stack([holes(), np.zeros(SIZE, bool), np.ones(SIZE, bool)])
  before = images.copy()
  together = inpainter(images, masks)
  np.testing.assert_array_equal(images, before)
  np.testing.assert_array_equal(together[~masks], images[~masks])
  assert (together[masks] != images[masks]).mean() > 0.9
  for image, mask, filled in zip(images, masks, together, strict=True):
    np.testing.assert_array_equal(inpainter(image, mask), filled)


def test_bucket_does_not_matter_to_a_reduced_picture():
  image, _ = inpainters.draw_picture(0, *SIZE)
  filled = [
    inpainters.make_calm(large="detail", bucket=bucket)(image, holes())
    for bucket in (8, 1024)
  ]
  np.testing.assert_array_equal(*filled)


@pytest.mark.parametrize("large", ["crop", "detail"])
def test_what_was_in_the_hole_has_no_effect(large):
  image, _ = inpainters.draw_picture(0, *SIZE)
  hole = holes()
  inpainter = inpainters.make_calm(large=large)
  filled = inpainter(image, hole)
  image[hole] = 255 - image[hole]
  np.testing.assert_array_equal(inpainter(image, hole)[hole], filled[hole])


def test_picture_that_does_not_fit_in_memory_is_refused(monkeypatch):
  free = types.SimpleNamespace(available=10**6)
  monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: free)
  inpainter = inpainters.make_calm(large="detail")
  with pytest.raises(errors.UserError, match="with detail need about"):
    inpainter(np.zeros((*SIZE, 3), np.uint8), holes())


def test_lines_reach_the_fill_of_a_reduced_picture():
  inpainter = inpainters.make_calm(guided=True, large="detail")
  image, _ = inpainters.draw_picture(2, *SIZE)
  hole = holes()
  lines = np.zeros(SIZE, bool)
  lines[35] = True  # one pixel thin, of which each third would be left
  plain, guided = (
    inpainter(image, hole, given, return_details=True)
    for given in (None, lines)
  )
  assert (plain.refined != guided.refined)[hole].mean() > 0.2
  np.testing.assert_array_equal(guided.image[~hole], image[~hole])


@pytest.mark.parametrize(
  ("dtype", "channels"), [(np.uint16, 1), (np.float32, 4), (np.int16, 3)]
)
def test_other_data_keep_their_type_and_what_is_missing(
  dtype, channels, monkeypatch
):
  about = values.Values(channels, ((0.0, 80.0),) * channels, no_data=-1)
  inpainter = inpainters.make_calm(
    channels=channels, large="detail", values=about
  )
  image = pictures.data((*SIZE, channels), dtype)
  hole = holes()
  missing = np.zeros(SIZE, bool)
  if dtype != np.uint16:
    missing[3:6, 70:90] = True
    image[missing] = -1
  seen = []
  fill = detail.fill
  monkeypatch.setattr(
    detail, "fill", lambda *args: seen.append(args[2]) or fill(*args)
  )
  filled = inpainter(image, hole)
  np.testing.assert_array_equal(seen[0], hole | about.is_missing(image))
  assert filled.dtype == dtype
  assert filled[~hole].tobytes() == image[~hole].tobytes()
  assert not about.is_missing(filled)[hole].any()


def test_details_of_a_large_picture_are_its_prediction_alone():
  inpainter = inpainters.make_calm(large="crop")
  image, _ = inpainters.draw_picture(3, *SIZE)
  hole = holes()
  found = inpainter(image, hole, return_details=True)
  assert found.coarse is None and found.offsets is None
  expected = np.round(127.5 * (found.refined + 1))
  np.testing.assert_allclose(found.image[hole], expected[hole], atol=1)


def test_prediction_that_is_not_finite_fills_nothing(monkeypatch):
  inpainter = inpainters.make_calm(large="detail")
  monkeypatch.setattr(
    detail, "_enlarge", lambda small, factor: np.full((72, 108, 3), np.nan)
  )
  image, _ = inpainters.draw_picture(3, *SIZE)
  with pytest.raises(errors.UserError, match="not finite"):
    inpainter(image, holes())


def test_network_without_attention_is_exact_and_copies_no_detail():
  generator = completion_network.CompletionNetwork(width=4)
  make = lambda large: inpainter_lib.Inpainter(
    generator, {}, backend="jax", large=large
  )
  assert make("auto").takes_batches(3000, 4000)
  assert not make("crop").takes_batches(30, 40)
  with pytest.raises(errors.UserError, match="choose exact or crop"):
    make("detail")
