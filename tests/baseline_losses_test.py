import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from gatedinpaint_jax.baselines import losses


def test_l2_is_a_mean_of_weighted_squares():
  prediction = np.array([0.5, -1.0, 0.0, 0.25]).reshape(1, 2, 2, 1)
  weight = np.array([1.0, 2.0, 0.0, 4.0]).reshape(1, 2, 2, 1)
  target = np.zeros_like(prediction)
  assert losses.l2(prediction, target) == 1.3125 / 4
  assert losses.l2(prediction, target, weight) == 2.5 / 4


@pytest.mark.parametrize("loss", losses.DISTANCES.values())
def test_weight_of_another_shape_is_refused(loss):
  pictures = np.zeros((2, 4, 4, 3))
  with pytest.raises(ValueError, match="weight"):
    loss(pictures, pictures, np.ones((2, 4, 4, 3)))


def test_weights_of_holes_fall_from_their_rim():
  mask = np.zeros((1, 1, 6, 1), np.float32)
  mask[..., 1:5, :] = 1
  weight = losses.pixel_weight(mask, hole=6.0, known=0.5, discount=0.9)
  np.testing.assert_allclose(
    weight[0, 0, :, 0], [0.5, 6, 5.4, 5.4, 6, 0.5], rtol=1e-6
  )
  weight = losses.pixel_weight(mask, hole=6.0, known=1.0, discount=1.0)
  np.testing.assert_array_equal(weight[0, 0, :, 0], [1, 6, 6, 6, 6, 1])


def test_distance_is_the_euclidean_one_of_each_picture():
  holes = np.random.default_rng(0).random((3, 24, 37)) < 0.9
  holes[:, 4:20, 6:30] = True
  holes[:, 0, 0] = False
  expected = np.stack([ndimage.distance_transform_edt(h) for h in holes])
  actual = losses.hole_distance(holes[..., None].astype(np.float32))
  np.testing.assert_allclose(actual[..., 0], expected, rtol=1e-6)
  assert np.isinf(losses.hole_distance(np.ones((1, 8, 8, 1)))).all()


def test_known_pixels_of_the_window_count_more():
  mask = np.zeros((2, 4, 8, 1), np.float32)
  mask[0, 1:3, 3] = 1
  mask[1, 3, 0] = 1
  weight = losses.pixel_weight(
    mask, hole=6.0, known=0.5, discount=1.0, window=2.0
  )
  expected = np.full((2, 4, 8), 0.5)
  expected[0, 1:3, 1:5] = expected[1, 2:, :4] = 2.5
  expected[mask[..., 0] == 1] = 6
  np.testing.assert_array_equal(weight[..., 0], expected)


def test_wasserstein_sums_critics_and_averages_pictures():
  real, fake = jnp.array([[1.0, 2], [3, 5]]), jnp.array([[0.0, 1], [1, 0]])
  loss = losses.wasserstein_discriminator(real_scores=real, fake_scores=fake)
  assert loss == (-2 - 7) / 2
  assert losses.wasserstein_generator(fake) == -(1 + 1) / 2


def test_non_saturating_is_the_cross_entropy_of_logits():
  real, fake = np.array([[0.5], [-2.0]]), np.array([[1.0], [-3.0]])
  sigmoid = lambda x: 1 / (1 + np.exp(-x))
  loss = losses.non_saturating_discriminator(
    real_scores=jnp.asarray(real), fake_scores=jnp.asarray(fake)
  )
  of_real, of_fake = np.log(sigmoid(real)), np.log(1 - sigmoid(fake))
  expected = -np.mean(of_real) - np.mean(of_fake)
  np.testing.assert_allclose(loss, expected, rtol=1e-6)
  loss = losses.non_saturating_generator(jnp.asarray(fake))
  np.testing.assert_allclose(loss, -np.mean(np.log(sigmoid(fake))), rtol=1e-6)


def test_gradient_penalty_is_of_the_slope_inside_the_hole():
  rng = np.random.default_rng(0)
  real, fake = rng.normal(size=(2, 3, 4, 4, 3)).astype(np.float32)
  mask = (rng.random((3, 4, 4, 1)) < 0.5).astype(np.float32)
  epsilon = np.float32([0, 0.25, 1])
  slopes = rng.normal(size=(4, 4, 3, 2)).astype(np.float32)
  # The first critic is linear, the second one quadratic.
  scores = lambda x: jnp.stack(
    [
      jnp.einsum("bhwc,hwc->b", x, slopes[..., 0]),
      jnp.einsum("bhwc,hwc->b", x**2, slopes[..., 1]),
    ],
    axis=1,
  )
  mixed = epsilon[:, None, None, None] * (real - fake) + fake
  expected = 0
  for slope in (slopes[None, ..., 0], 2 * mixed * slopes[None, ..., 1]):
    norm = np.sqrt(np.sum((slope * mask) ** 2, axis=(1, 2, 3)))
    expected += np.mean((norm - 1) ** 2)
  penalty = losses.gradient_penalty(scores, real, fake, mask, epsilon)
  np.testing.assert_allclose(penalty, expected, rtol=1e-5)


def test_gradient_penalty_of_a_dead_critic_has_a_gradient():
  pictures, mask = jnp.ones((2, 4, 4, 3)), jnp.ones((2, 4, 4, 1))

  def penalty(weight):
    scores = lambda x: weight * x.sum((1, 2, 3))[:, None]
    epsilon = jnp.zeros(2)
    return losses.gradient_penalty(scores, pictures, pictures, mask, epsilon)

  value, slope = jax.value_and_grad(penalty)(0.0)
  np.testing.assert_allclose(value, 1, atol=1e-5)
  assert np.isfinite(slope)
