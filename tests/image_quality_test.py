import numpy as np
from skimage import metrics

from gatedinpaint_jax import batch
from gatedinpaint_jax.metrics import image_quality


def test_black_against_white_has_error_one_and_no_hole_has_none():
  black = -np.ones((2, 4, 8, 3), np.float32)
  other, left = black.copy(), np.zeros((2, 4, 8, 1), np.float32)
  other[0, :, :4] = left[:, :, :4] = 1
  np.testing.assert_allclose(image_quality.l2(black, other), [0.5, 0])
  for mask, expected in ((None, 0.5), (left, 1), (1 - left, 0), (0 * left, 0)):
    error = image_quality.l1(black, other, mask=mask)
    np.testing.assert_allclose(error, [expected, 0])


def test_psnr_is_minus_ten_times_the_logarithm_of_the_squared_error():
  a = np.zeros((1, 4, 4, 3), np.float32)
  np.testing.assert_allclose(image_quality.psnr(a, a + 0.2), [20], rtol=1e-5)
  assert np.isinf(image_quality.psnr(a, a)).all()


def test_chroma_is_of_colours_and_contrast_of_places():
  grey = np.zeros((2, 4, 8, 3), np.float32)
  grey[:, :, :4] = 1  # half grey, half white
  red = np.broadcast_to(np.float32([1, -1, -0.5]), grey.shape)
  left = np.zeros((2, 4, 8, 1), np.float32)
  left[:, :, :4] = 1
  np.testing.assert_allclose(image_quality.chroma(grey), [0, 0])
  np.testing.assert_allclose(image_quality.chroma(red), [1, 1])
  np.testing.assert_allclose(image_quality.contrast(red), [0, 0], atol=1e-6)
  np.testing.assert_allclose(image_quality.contrast(grey), [0.25, 0.25])
  of_left = image_quality.contrast(grey, mask=left)
  np.testing.assert_allclose(of_left, [0, 0], atol=1e-6)
  both = np.where(np.arange(8)[:, None] < 4, grey, red)
  np.testing.assert_allclose(image_quality.chroma(both), [0.5, 0.5])
  np.testing.assert_allclose(image_quality.chroma(both, mask=left), [0, 0])


def random_pair(height=40, width=56):
  draw = np.random.default_rng(3)
  a, b = draw.integers(0, 256, (2, 2, height, width, 3)).astype(np.uint8)
  b[1] = a[1] // 2 + b[1] // 2
  return a, b


def as_pictures(*pixels):
  return [batch.from_uint8(x.astype(np.float32)) for x in pixels]


def test_relative_error_of_black():
  black, white = -np.ones((1, 4, 4, 3)), np.ones((1, 4, 4, 3))
  assert image_quality.relative_l1(black, black) == 0
  assert np.isinf(image_quality.relative_l1(white, black))


def test_ssim_equals_that_of_scikit_image():
  a, b = random_pair()
  hole = np.zeros((2, 40, 56, 1), np.float32)
  hole[:, 3:20, 30:] = 1
  whole = image_quality.ssim(*as_pictures(a, b))
  inside = image_quality.ssim(*as_pictures(a, b), mask=hole)
  for i in range(2):
    expected, similarity = metrics.structural_similarity(
      a[i],
      b[i],
      gaussian_weights=True,
      sigma=1.5,
      use_sample_covariance=False,
      channel_axis=-1,
      full=True,
    )
    np.testing.assert_allclose(whole[i], expected, atol=1e-5)
    # Windows that reach beyond the picture are left out.
    np.testing.assert_allclose(
      inside[i], similarity[5:20, 30:-5].mean(), atol=1e-5
    )


def test_ssim_of_a_hole_without_a_window_is_not_a_number():
  a, b = as_pictures(*random_pair())
  hole = np.zeros((2, 40, 56, 1), np.float32)
  hole[:, :5] = 1
  assert np.isnan(image_quality.ssim(a, b, mask=hole)).all()


def test_total_variation_counts_neighbours_and_the_border_of_the_hole():
  image = -np.ones((1, 4, 6, 3), np.float32)
  image[:, 1, 2] = 1
  # One white pixel has four black neighbours.
  variation = image_quality.total_variation(image)
  np.testing.assert_allclose(variation, 4 / 24, rtol=1e-6)
  for place, expected in (
    ((1, slice(2, 4)), 4 / 2),
    *((neighbour, 1) for neighbour in ((0, 2), (2, 2), (1, 1), (1, 3))),
  ):
    hole = np.zeros((1, 4, 6, 1), np.float32)
    hole[:, *place] = 1
    variation = image_quality.total_variation(image, mask=hole)
    np.testing.assert_allclose(variation, expected, rtol=1e-6)
