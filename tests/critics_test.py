import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax.baselines import critics

KINDS = (critics.GlobalAndLocalCritics, critics.GlobalLocalDiscriminator)


@functools.cache
def make(kind):
  """Returns (critic of parameters and pictures, parameters, pictures)."""
  random = np.random.default_rng(0)
  image = jnp.asarray(random.uniform(-1, 1, (2, 32, 48, 3)), jnp.float32)
  mask = np.zeros((2, 32, 48, 1), np.float32)
  mask[:, 4:12, 2:10] = 1
  module = kind(width=4)
  variables = jax.jit(module.init)(jax.random.key(0), image, mask)
  score = jax.jit(lambda p, x: module.apply({"params": p}, x, mask))
  return score, variables["params"], image


@pytest.mark.parametrize("kind", KINDS)
def test_every_view_reaches_a_score(kind):
  score, params, image = make(kind)
  scores = score(params, image)
  assert scores.shape == (2, 2 if kind is critics.GlobalAndLocalCritics else 1)
  gradient = jax.grad(lambda p: jnp.square(score(p, image)).sum())(params)
  assert all(g.any() for g in jax.tree.leaves(gradient))


def test_local_critic_sees_the_window_on_the_hole_alone():
  score, params, image = make(critics.GlobalAndLocalCritics)
  beyond = image.at[:, 20:, 30:].set(0)  # the window ends at 16 x 24
  before, after = score(params, image), score(params, beyond)
  assert not np.allclose(before[:, 0], after[:, 0])
  np.testing.assert_allclose(before[:, 1], after[:, 1], atol=1e-6)


def test_critics_score_each_picture_by_itself():
  score, params, image = make(critics.GlobalAndLocalCritics)
  other = image.at[1].set(-image[1])
  before, after = score(params, image), score(params, other)
  np.testing.assert_allclose(before[0], after[0], atol=1e-6)
  assert not np.allclose(before[1], after[1])
