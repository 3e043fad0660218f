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


def test_hinge_is_zero_once_every_score_is_past_its_margin():
  loss = losses.hinge_discriminator(
    real_scores=jnp.array([1.0, 5.0]), fake_scores=jnp.array([-1.0, -2.0])
  )
  assert loss == 0


def test_l1_counts_every_pixel_alike():
  prediction = jnp.array([[0.0, 1.0], [0.5, -1.0]])
  assert losses.l1(prediction, jnp.zeros((2, 2))) == 2.5 / 4


def test_shapes_that_differ_are_refused():
  with pytest.raises(ValueError, match=r"\(2, 1\) and target \(2,\) differ"):
    losses.l1(jnp.zeros((2, 1)), jnp.zeros(2))
  with pytest.raises(ValueError, match="differ"):
    losses.hinge_discriminator(
      real_scores=jnp.zeros((2, 1)), fake_scores=jnp.zeros(2)
    )
