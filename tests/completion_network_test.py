import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax.networks import completion_network

NETWORK = completion_network.CompletionNetwork(width=4)


@pytest.fixture(scope="module")
def params():
  image, mask = jnp.zeros((1, 16, 16, 3)), jnp.zeros((1, 16, 16, 1))
  return jax.jit(NETWORK.init)(jax.random.key(0), image, mask)["params"]


def test_prediction_is_of_the_size_and_range_of_pictures(params):
  image = np.random.default_rng(0).uniform(-9, 9, (2, 24, 40, 3))
  steep = jax.tree.map(lambda x: 1e4 * x, params["conv17"])
  output = NETWORK.apply(
    {"params": params | {"conv17": steep}}, image, np.ones((2, 24, 40, 1))
  )
  assert output.refined.shape == image.shape
  assert output.coarse is output.refined
  assert output.offsets.shape == (2, 3, 5, 2)
  assert 0.9 < np.abs(output.refined).max() <= 1


def test_rematerialized_network_is_the_same(params):
  image, mask = np.full((1, 16, 16, 3), 0.5), np.zeros((1, 16, 16, 1))

  def loss(params, network):
    return jnp.square(network.apply({"params": params}, image, mask)[0]).sum()

  gradients = [
    jax.jit(jax.grad(lambda p, n=network: loss(p, n)))(params)
    for network in (NETWORK, NETWORK.clone(rematerialize=True))
  ]
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
    *gradients,
  )


@pytest.mark.parametrize(
  ("shape", "sketch", "words"),
  [((1, 20, 16), None, "multiples of 8"), ((1, 16, 16), True, "no sketch")],
)
def test_what_it_cannot_take_is_refused(params, shape, sketch, words):
  image, mask = np.zeros((*shape, 3)), np.zeros((*shape, 1))
  with pytest.raises(ValueError, match=words):
    NETWORK.apply({"params": params}, image, mask, sketch and mask)
