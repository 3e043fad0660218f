import numpy as np
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.evaluation import methods
from tests import pictures

SIZE = (32, 40)


@pytest.fixture
def case():
  hole = np.zeros(SIZE, bool)
  hole[8:20, 10:30] = True
  return pictures.noise(*SIZE), hole


@pytest.mark.parametrize("name", methods.NAMES)
def test_hole_is_filled_and_known_pixels_stay(name, case):
  image, hole = case
  before = image.copy()
  # Whatever is in the hole is not seen.
  erased = np.where(hole[..., None], np.uint8(77), image)
  completed = methods.load(name)(erased, hole)
  assert completed.dtype == np.uint8 and completed.shape == image.shape
  np.testing.assert_array_equal(completed[~hole], image[~hole])
  assert np.mean(completed[hole] != 77) > 0.9
  np.testing.assert_array_equal(methods.load(name)(image, hole), completed)
  np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("name", methods.NAMES)
def test_one_colour_goes_on_in_the_hole(name, case):
  _, hole = case
  image = np.full((*SIZE, 3), (30, 140, 200), np.uint8)
  completed = methods.load(name)(image, hole)
  # OpenCV is off by some levels: Telea's weights see the hole's black.
  np.testing.assert_allclose(completed, image, atol=4)


@pytest.mark.parametrize("name", methods.NAMES)
def test_empty_and_full_holes(name, case):
  image, hole = case
  fill = methods.load(name)
  np.testing.assert_array_equal(fill(image, hole & False), image)
  np.testing.assert_array_equal(fill(image, hole | True), 128)


def test_mean_fill_is_the_mean_of_what_is_known():
  image = np.array([[[0, 0, 0], [10, 20, 31], [99, 99, 99]]], np.uint8)
  hole = np.array([[False, False, True]])
  completed = methods.load("mean_fill")(image, hole)
  np.testing.assert_array_equal(completed[0, 2], [5, 10, 16])


def test_batch_gives_what_each_picture_gives(case):
  image, hole = case
  model = methods.MethodInpainter(methods.load("mean_fill"))
  images = np.stack([image, image[::-1]])
  batch = model(images, np.stack([hole, hole]))
  for i in range(2):
    alone = model(images[i], hole).image
    np.testing.assert_array_equal(batch.image[i], alone)
    np.testing.assert_allclose((batch.refined[i] + 1) * 127.5, alone, atol=1e-4)


def test_library_that_is_not_compiled_is_named(monkeypatch):
  import patchmatch

  monkeypatch.setattr(patchmatch, "patchmatch_available", False)
  with pytest.raises(errors.UserError, match="compiled"):
    methods.load("patchmatch")


def test_patchmatch_does_not_depend_on_a_seed_of_others(case):
  import patchmatch

  fill = methods.load("patchmatch")
  expected = fill(*case)
  patchmatch.set_random_seed(7)
  np.testing.assert_array_equal(fill(*case), expected)
