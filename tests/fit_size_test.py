import numpy as np

from gatedinpaint_jax.inference import fit_size


def test_padding_mirrors_below_and_to_the_right():
  x = np.arange(6).reshape(1, 2, 3)
  expected = [[0, 1, 2, 1], [3, 4, 5, 4], [0, 1, 2, 1]]
  np.testing.assert_array_equal(fit_size.pad(x, 3, 4)[0], expected)


def test_a_picture_of_one_pixel_is_repeated():
  x = np.full((2, 1, 1, 3), 7, np.uint8)
  padded = fit_size.pad(x, 8, 8)
  assert padded.shape == (2, 8, 8, 3) and padded.dtype == np.uint8
  assert np.all(padded == 7)


def test_what_fits_is_not_copied():
  x = np.zeros((1, 8, 8), bool)
  assert fit_size.pad(x, 8, 8) is x
