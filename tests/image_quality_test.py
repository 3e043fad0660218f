import numpy as np

from gatedinpaint_jax.metrics import image_quality


def pair():
  """Black against white in the left half, equal in the right half."""
  black = -np.ones((2, 4, 8, 3), np.float32)
  other = black.copy()
  other[0, :, :4] = 1
  return black, other


def test_black_against_white_has_error_one():
  black, other = pair()
  left = np.zeros((2, 4, 8, 1), np.float32)
  left[:, :, :4] = 1
  np.testing.assert_allclose(image_quality.l1(black, other), [0.5, 0])
  np.testing.assert_allclose(image_quality.l2(black, other), [0.5, 0])
  np.testing.assert_allclose(image_quality.l1(black, other, mask=left), [1, 0])
  np.testing.assert_allclose(
    image_quality.l1(black, other, mask=1 - left), [0, 0]
  )


def test_psnr_is_minus_ten_times_the_logarithm_of_the_squared_error():
  a = np.zeros((1, 4, 4, 3), np.float32)
  np.testing.assert_allclose(image_quality.psnr(a, a + 0.2), [20], rtol=1e-5)
  assert np.isinf(image_quality.psnr(a, a)).all()


def test_picture_without_a_hole_has_no_error_in_it():
  black, other = pair()
  score = image_quality.l1(black, other, mask=np.zeros((2, 4, 8, 1)))
  np.testing.assert_array_equal(score, [0, 0])
