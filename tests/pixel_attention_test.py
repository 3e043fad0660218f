import jax
import jax.numpy as jnp
import numpy as np

from gatedinpaint_jax.fast import pixel_attention
from gatedinpaint_jax.layers import contextual_attention


def test_values_and_gradients_are_those_of_the_plain_form():
  random = np.random.default_rng(0)
  queries, keys = random.normal(size=(2, 3, 5, 7, 3)).astype("f")
  values = random.normal(size=(3, 10, 14, 3)).astype("f")
  # Some, none and all places are sources.
  is_source = np.arange(35) % 3 > 0
  is_source = np.stack([is_source, 0 * is_source, is_source < 2])
  inputs = queries, keys, values, is_source.astype("f")

  def gradients(form):
    def weighted_sum(*inputs):
      features, source = form.attend(*inputs, fuse=True, softmax_scale=2)
      weights = jnp.sin(jnp.arange(features.size, dtype=jnp.float32))
      total = jnp.sum(features * weights.reshape(features.shape))
      return total, (features, source)

    gradients = jax.grad(weighted_sum, argnums=(0, 1, 2), has_aux=True)
    return jax.jit(gradients)(*inputs)

  expected_gradients, expected = gradients(contextual_attention)
  expected_features, expected_source = expected
  actual_gradients, (features, source) = gradients(pixel_attention)
  np.testing.assert_allclose(features, expected_features, atol=1e-5, rtol=0)
  np.testing.assert_array_equal(source, expected_source)
  assert not source[1].any() and source[0].any()
  for actual, wanted in zip(actual_gradients, expected_gradients, strict=True):
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(actual, wanted, atol=1e-5 * scale, rtol=0)


def test_strongest_source_is_the_first_of_equals_and_0_of_no_numbers():
  weights = np.array([[[1, 3, 3], [2, 2, 2], [0, 0, 5], [np.nan, 1, 2]]], "f")
  actual = pixel_attention._strongest(weights)
  assert actual.dtype == np.int32
  np.testing.assert_array_equal(actual, [[1, 0, 2, 0]])
