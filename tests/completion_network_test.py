import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax.baselines import completion_network

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


@jax.jit
def influence_of_columns(params):
  """Returns how much each column moves an output pixel of column 160."""

  def output(image):
    mask = jnp.zeros((1, 8, 176, 1))
    return NETWORK.apply({"params": params}, image, mask).refined[0, 4, 160, 0]

  gradient = jax.grad(output)(jnp.ones((1, 8, 176, 3)))
  return gradient.sum((0, 1, 3))


def columns_reached(params):
  return 160 - np.flatnonzero(influence_of_columns(params))[0]


def test_each_dilated_layer_reaches_as_far_as_in_the_paper(params):
  # Means of all taps: where nothing is negative, no ReLU hides a column.
  params = jax.tree.map(
    lambda x: jnp.full_like(x, 1 / np.prod(x.shape[:3])) if x.ndim == 4 else x,
    params,
  )
  # A dilation counts in pixels of a quarter of the size, and the other layers
  # reach 28 columns to the left without it.
  assert columns_reached(params) == 28 + 4 * (2 + 4 + 8 + 16)
  for name, dilation in (
    ("conv7_atrous", 2),
    ("conv8_atrous", 4),
    ("conv9_atrous", 8),
    ("conv10_atrous", 16),
  ):
    layer = params[name]
    kernel = layer["conv"]["kernel"].at[:, ::2].set(0)  # its own column is left
    narrow = layer | {"conv": layer["conv"] | {"kernel": kernel}}
    assert columns_reached(params | {name: narrow}) == 28 + 4 * (
      30 - dilation
    ), name


def test_sketch_is_refused(params):
  image, mask = np.zeros((1, 16, 16, 3)), np.zeros((1, 16, 16, 1))
  with pytest.raises(ValueError, match="no sketch"):
    NETWORK.apply({"params": params}, image, mask, mask)
