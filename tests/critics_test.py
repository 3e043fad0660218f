import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax.baselines import critics, losses

KINDS = (critics.GlobalAndLocalCritics, critics.GlobalLocalDiscriminator)


@functools.cache
def make(kind):
  """Returns (critic as a function of parameters and picture, parameters)."""
  random = np.random.default_rng(0)
  image = jnp.asarray(random.uniform(-1, 1, (2, 32, 48, 3)), jnp.float32)
  mask = np.zeros((2, 32, 48, 1), np.float32)
  mask[:, 4:12, 2:10] = 1
  module = kind(width=4)
  variables = jax.jit(module.init)(jax.random.key(0), image, mask)
  score = jax.jit(lambda p, x: module.apply({"params": p}, x, mask))
  return score, variables["params"], image, mask


@pytest.mark.parametrize("kind", KINDS)
def test_every_view_reaches_a_score(kind):
  score, params, image, _ = make(kind)
  scores = score(params, image)
  assert scores.shape == (2, 2 if kind is critics.GlobalAndLocalCritics else 1)
  gradient = jax.grad(lambda p: jnp.square(score(p, image)).sum())(params)
  assert all(g.any() for g in jax.tree.leaves(gradient))


def test_local_critic_sees_the_window_on_the_hole_alone():
  score, params, image, _ = make(critics.GlobalAndLocalCritics)
  beyond = image.at[:, 20:, 30:].set(0)  # the window ends at 16 x 24
  before, after = score(params, image), score(params, beyond)
  assert not np.allclose(before[:, 0], after[:, 0])
  np.testing.assert_allclose(before[:, 1], after[:, 1], atol=1e-6)


def test_critics_score_each_picture_by_itself():
  score, params, image, _ = make(critics.GlobalAndLocalCritics)
  other = image.at[1].set(-image[1])
  before, after = score(params, image), score(params, other)
  np.testing.assert_allclose(before[0], after[0], atol=1e-6)
  assert not np.allclose(before[1], after[1])


def test_gradient_penalty_has_the_derivative_of_its_differences():
  score, params, image, mask = make(critics.GlobalAndLocalCritics)
  share = jnp.array([0.3, 0.8])

  @jax.jit
  def penalty(params):
    return losses.gradient_penalty(
      lambda x: score(params, x), image, -image, mask, share
    )

  gradient = jax.jit(jax.grad(penalty))(params)
  # Along the gradient, where differences tell the most.
  norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in jax.tree.leaves(gradient)))
  along = lambda step: penalty(
    jax.tree.map(lambda p, g: p + step * g / norm, params, gradient)
  )
  difference = (along(1e-3) - along(-1e-3)) / 2e-3
  np.testing.assert_allclose(difference, norm, rtol=2e-2)
