import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax.layers import activations, conv, resize


def picture(key=0, height=12, width=20, channels=5):
  return jax.random.normal(jax.random.key(key), (2, height, width, channels))


def valid_outside(rows, columns, height=12, width=20):
  """`[2, H, W, 1]`, 0 in the given block of both pictures."""
  valid = np.ones((2, height, width, 1), np.float32)
  valid[:, rows, columns] = 0
  return valid


def test_gate_and_feature_are_the_halves_of_one_convolution():
  layer = conv.GatedConv(3, dilation=2)
  x = picture()
  variables = layer.init(jax.random.key(1), x)
  kernel = variables["params"]["kernel"]
  assert kernel.shape == (3, 3, 5, 6)
  y, _ = layer.apply(variables, x)
  both = conv.convolve(x, kernel, dilation=2)
  expected = jax.nn.elu(both[..., :3]) * jax.nn.sigmoid(both[..., 3:])
  np.testing.assert_allclose(y, expected, atol=1e-6)


def test_elu_and_its_gradient_are_those_of_jax():
  x = np.array(
    [-1e9, -20, -1, -0.13, -0.12, -1e-3, -1e-9, 0, 1e-9, 1, 1e9], np.float32
  )
  np.testing.assert_allclose(activations.elu(x), jax.nn.elu(x), rtol=1e-6)
  gradient, expected = (
    jax.vmap(jax.grad(function))(x)
    for function in (activations.elu, jax.nn.elu)
  )
  np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8)


def test_elu_keeps_small_values_in_bfloat16():
  x = jnp.array([-1e-3, -1e-2, 0.5], jnp.bfloat16)
  y = activations.elu(x)
  assert y.dtype == jnp.bfloat16
  np.testing.assert_allclose(
    y.astype(jnp.float32), jax.nn.elu(x).astype(jnp.float32), rtol=1 / 128
  )


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("dilation", [1, 4])
def test_partial_equals_vanilla_where_everything_is_valid(stride, dilation):
  options = {"features": 4, "stride": stride, "dilation": dilation}
  partial, vanilla = conv.PartialConv(**options), conv.VanillaConv(**options)
  x = picture()
  variables = vanilla.init(jax.random.key(1), x)
  expected, _ = vanilla.apply(variables, x)
  for valid in (None, jnp.ones((2, 12, 20, 1))):
    y, now_valid = partial.apply(variables, x, valid)
    np.testing.assert_allclose(y, expected, atol=1e-6)
    assert now_valid.shape == (*y.shape[:3], 1)
    assert np.all(now_valid == 1)


def test_partial_has_zero_gradient_inside_an_untouched_hole():
  layer = conv.PartialConv(4, kernel_size=5)
  x, valid = picture(), valid_outside(slice(2, 9), slice(5, 15))
  variables = layer.init(jax.random.key(1), x)
  weights = jax.random.normal(jax.random.key(2), (2, 12, 20, 4))

  def weighted_sum(x):
    return jnp.sum(layer.apply(variables, x, valid)[0] * weights)

  grad = np.asarray(jax.jit(jax.grad(weighted_sum))(x))
  assert np.abs(grad[:, 2:9, 5:15]).max() == 0
  assert np.abs(grad[:, :2]).min() > 0


def test_partial_scales_up_for_the_places_that_are_missing():
  layer = conv.PartialConv(1, activation=None)
  ones = jnp.ones((2, 12, 20, 1))
  variables = layer.init(jax.random.key(1), ones)
  variables["params"]["kernel"] = jnp.ones((3, 3, 1, 1))
  given = valid_outside(slice(4, 9), slice(6, 12))
  # A window sums to its 9 places wherever it sees any; the hole of 5 x 6
  # shrinks by one on every side and its middle stays empty.
  expected_valid = valid_outside(slice(5, 8), slice(7, 11))
  given[1] = expected_valid[1] = 1  # each picture has its own
  y, valid = layer.apply(variables, ones, given)
  np.testing.assert_array_equal(valid, expected_valid)
  np.testing.assert_allclose(
    y[:, 1:-1, 1:-1], 9 * expected_valid[:, 1:-1, 1:-1], atol=1e-5
  )


@pytest.mark.parametrize("kind", conv.KINDS)
@pytest.mark.parametrize("size", [(16, 20), (3, 5)])
def test_upsampling_layer_is_that_of_the_doubled_picture(kind, size):
  # Its values are below 1, so that the tolerance is one of rounding.
  hidden = functools.partial(conv.KINDS[kind][0], initializer="released")
  x = picture(0, *size)
  valid = valid_outside(slice(1, 9), slice(1, 4), *size)
  variables = hidden(4).init(jax.random.key(1), x)
  for known in (valid, None):
    doubled = None if known is None else resize.upsample_x2(known)
    expected = hidden(4).apply(variables, resize.upsample_x2(x), doubled)
    actual = hidden(4, upsample=True).apply(variables, x, known)
    np.testing.assert_allclose(actual[0], expected[0], atol=1e-6)
    if kind == "partial":
      np.testing.assert_array_equal(actual[1], expected[1])


@pytest.mark.parametrize("kind", conv.KINDS)
def test_stride_two_halves_and_bfloat16_keeps_float32_parameters(kind):
  hidden, _ = conv.KINDS[kind]
  layer = hidden(4, stride=2, dtype=jnp.bfloat16)
  x = picture(height=9, width=12)
  variables = layer.init(jax.random.key(0), x, jnp.ones((2, 9, 12, 1)))
  y, _ = layer.apply(variables, x, jnp.ones((2, 9, 12, 1)))
  assert y.shape == (2, 5, 6, 4)
  assert y.dtype == jnp.bfloat16
  assert all(p.dtype == jnp.float32 for p in jax.tree.leaves(variables))


def test_released_kernels_are_glorot_uniform_over_all_output_channels():
  layer = conv.GatedConv(64, initializer="released")
  params = layer.init(jax.random.key(0), picture(channels=32))["params"]
  limit = np.sqrt(6 / (9 * (32 + 128)))
  largest = np.abs(params["kernel"]).max()
  assert 0.99 * limit < largest <= limit
  assert np.all(params["bias"] == 0)
