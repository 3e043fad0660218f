import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax import losses
from tests import released


def test_hinges_and_derivatives_equal_the_released_program():
  golden = released.load("hinge_unit")
  real, fake = golden["pos"], golden["neg"]

  def discriminator(real, fake):  # the released program halves the hinges
    return 0.5 * losses.hinge_discriminator(real_scores=real, fake_scores=fake)

  loss, grads = jax.value_and_grad(discriminator, argnums=(0, 1))(real, fake)
  np.testing.assert_allclose(loss, golden["d_loss"], atol=1e-6)
  np.testing.assert_allclose(grads[0], golden["dd_dpos"], atol=1e-6)
  np.testing.assert_allclose(grads[1], golden["dd_dneg"], atol=1e-6)

  loss, grad = jax.value_and_grad(losses.hinge_generator)(fake)
  np.testing.assert_allclose(loss, golden["g_loss"], atol=1e-6)
  np.testing.assert_allclose(grad, golden["dg_dneg"], atol=1e-6)


def test_shapes_that_differ_are_refused():
  with pytest.raises(ValueError, match=r"\(2, 1\) and target \(2,\) differ"):
    losses.l1(jnp.zeros((2, 1)), jnp.zeros(2))
  with pytest.raises(ValueError, match="differ"):
    losses.hinge_discriminator(
      real_scores=jnp.zeros((2, 1)), fake_scores=jnp.zeros(2)
    )


def test_l1_is_a_mean_of_weighted_differences():
  prediction = np.array([0.5, -1.0, 0.0, 0.25]).reshape(1, 2, 2, 1)
  weight = np.array([1.0, 2.0, 0.0, 4.0]).reshape(1, 2, 2, 1)
  target = np.zeros_like(prediction)
  assert losses.l1(prediction, target) == 1.75 / 4
  assert losses.l1(prediction, target, weight) == 3.5 / 4


def test_separate_means_are_of_each_picture_and_each_side_of_the_rim():
  rng = np.random.default_rng(0)
  prediction, target = rng.normal(size=(2, 2, 4, 8, 3)).astype(np.float32)
  mask = np.zeros((2, 4, 8, 1), np.float32)
  mask[0, 1:3, 3] = 1  # 2 pixels of 32
  mask[1, :, :6] = 1  # 24 pixels of 32
  weight = losses.pixel_weight(mask, hole=3.0, known=0.5, separate_means=True)
  error, hole = np.abs(prediction - target), mask[..., 0] == 1
  expected = np.mean(
    [
      3 * error[i][hole[i]].mean() + 0.5 * error[i][~hole[i]].mean()
      for i in range(2)
    ]
  )
  found = losses.l1(prediction, target, weight)
  np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_separate_means_of_what_is_not_there_are_finite(value):
  mask = np.full((1, 4, 4, 1), value, np.float32)
  weight = losses.pixel_weight(mask, hole=3.0, known=0.5, separate_means=True)
  np.testing.assert_allclose(weight, 3.0 if value else 0.5)


def test_means_of_photographs_are_divided_as_before_there_was_missing_data():
  # At these sizes the mean of 1 - mask rounds otherwise than 1 - mean of mask.
  masks = np.random.default_rng(0).integers(0, 2, (20, 64, 96, 1))
  mask = jnp.float32(masks)
  share = jnp.mean(mask, axis=(1, 2, 3), keepdims=True)
  expected = mask / share + 6 * (1 - mask) / (1 - share)
  weight = losses.pixel_weight(mask, hole=1, known=6, separate_means=True)
  np.testing.assert_array_equal(weight, expected)
