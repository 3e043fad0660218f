import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax.fast import pixel_attention
from gatedinpaint_jax.layers import contextual_attention

ROWS, COLUMNS, CHANNELS = 5, 4, 3


def patch(picture, row, column, *, size, stride):
  """Returns the patch of a place, zeros beyond the picture, flat."""
  padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)))
  top, left = stride * row, stride * column
  return padded[top : top + size, left : left + size].ravel()


def patches(picture, *, size, stride):
  return np.stack(
    [
      patch(picture, *place, size=size, stride=stride)
      for place in np.ndindex(ROWS, COLUMNS)
    ]
  )


def pictures(*shape):
  return np.random.default_rng(len(shape)).normal(size=shape).astype("f")


FORMS = (contextual_attention, pixel_attention)


@pytest.mark.parametrize("form", FORMS)
def test_attends_by_products_of_patches_and_copies_entire_ones(form):
  queries, keys = pictures(2, ROWS, COLUMNS, CHANNELS)
  values = pictures(2 * ROWS, 2 * COLUMNS, CHANNELS)
  is_source = (np.arange(ROWS * COLUMNS) % 3 > 0).astype("f")
  ours = patches(queries, size=3, stride=1)
  theirs = patches(keys, size=3, stride=1)
  theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
  scores = np.exp(2 * ours @ theirs.T * is_source)
  attention = scores / scores.sum(axis=1, keepdims=True) * is_source
  total = np.zeros((2 * ROWS + 2, 2 * COLUMNS + 2, CHANNELS))
  copied = attention @ patches(values, size=4, stride=2)
  for (i, j), copy in zip(np.ndindex(ROWS, COLUMNS), copied, strict=True):
    total[2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += copy.reshape(4, 4, -1)
  features, source = form.attend(
    queries[None],
    keys[None],
    values[None],
    is_source[None],
    fuse=False,
    softmax_scale=2,
  )
  np.testing.assert_allclose(
    features[0], total[1:-1, 1:-1] / 4, atol=1e-6, rtol=0
  )
  np.testing.assert_array_equal(source[0], np.argmax(attention, axis=-1))


@pytest.mark.parametrize("form", FORMS)
def test_fuse_adds_neighbours_in_both_orders(form):
  scores = pictures(1, ROWS * COLUMNS, ROWS * COLUMNS)
  expected = scores[0]
  for order in ("C", "F"):
    places = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS).ravel(order)
    padded = np.pad(expected[np.ix_(places, places)], 1)
    back = np.argsort(places)
    expected = (padded[:-2, :-2] + padded[1:-1, 1:-1] + padded[2:, 2:])[
      np.ix_(back, back)
    ]
  if form is pixel_attention:
    scores = scores.reshape(1, ROWS, COLUMNS, ROWS, COLUMNS)
    actual = form._fuse(scores)
  else:
    actual = form._fuse(scores, ROWS, COLUMNS)
  np.testing.assert_allclose(
    actual.reshape(expected.shape), expected, atol=1e-5
  )


def test_values_and_gradients_are_those_of_the_plain_form():
  small, large = (3, 5, 7, CHANNELS), (3, 10, 14, CHANNELS)
  queries, keys = pictures(2, *small)
  # Some, none and all places are sources.
  is_source = np.arange(35) % 3 > 0
  is_source = np.stack([is_source, 0 * is_source, is_source < 2])
  inputs = queries, keys, pictures(*large), is_source.astype("f")

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


def test_first_of_equal_sources_is_the_strongest():
  weights = np.array([[[1, 3, 3], [2, 2, 2], [0, 0, 5]]], np.float32)
  actual = pixel_attention._strongest(weights)
  assert actual.dtype == np.int32
  np.testing.assert_array_equal(actual, [[1, 0, 2]])


def test_weights_that_are_no_numbers_have_a_source_all_the_same():
  weights = np.array([[[np.nan, 1, 2], [0, 2, 1]]], np.float32)
  np.testing.assert_array_equal(pixel_attention._strongest(weights), [[0, 1]])
