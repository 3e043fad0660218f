import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax.layers import chunked_attention, plain_attention

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


def test_attends_by_products_of_patches():
  queries, keys = pictures(2, ROWS, COLUMNS, CHANNELS)
  is_source = np.arange(ROWS * COLUMNS) % 3 > 0
  ours = patches(queries, size=3, stride=1)
  theirs = patches(keys, size=3, stride=1)
  theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
  scores = np.exp(2 * ours @ theirs.T * is_source)
  expected = scores / scores.sum(axis=1, keepdims=True) * is_source
  actual = jax.jit(
    lambda *x: plain_attention.attention(*x, fuse=False, softmax_scale=2)
  )(queries[None], keys[None], is_source[None].astype("f"))
  np.testing.assert_allclose(actual[0], expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("fuse", [False, True])
def test_patches_and_pixels_compare_the_same(fuse):
  queries, keys = pictures(2, 2, ROWS, COLUMNS, CHANNELS)
  is_source = (pictures(2, ROWS * COLUMNS) > 0).astype("f")

  def scores(queries, keys):
    return plain_attention.attention(
      queries, keys, is_source, fuse=fuse, softmax_scale=2
    )

  expected, pull_expected = jax.vjp(scores, queries, keys)
  with plain_attention.comparing_patches():
    actual, pull_actual = jax.vjp(scores, queries, keys)
  np.testing.assert_allclose(actual, expected, atol=1e-6, rtol=0)
  for ours, theirs in zip(
    pull_actual(expected), pull_expected(expected), strict=True
  ):
    scale = np.abs(theirs).max()
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * scale, rtol=0)


def test_copies_whole_patches_and_averages_them():
  queries, keys = pictures(2, ROWS, COLUMNS, CHANNELS)
  values = pictures(2 * ROWS, 2 * COLUMNS, CHANNELS)
  is_source = np.ones((1, ROWS * COLUMNS), np.float32)
  inputs = queries[None], keys[None], is_source
  options = {"fuse": True, "softmax_scale": 3}
  attention = plain_attention.attention(*inputs, **options)[0]
  copied = np.asarray(attention) @ patches(values, size=4, stride=2)
  total = np.zeros((2 * ROWS + 2, 2 * COLUMNS + 2, CHANNELS))
  for (i, j), copy in zip(np.ndindex(ROWS, COLUMNS), copied, strict=True):
    total[2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += copy.reshape(4, 4, -1)
  features, source = plain_attention.attend(
    *inputs[:2], values[None], is_source, **options
  )
  np.testing.assert_allclose(
    features[0], total[1:-1, 1:-1] / 4, atol=1e-6, rtol=0
  )
  np.testing.assert_array_equal(source[0], np.argmax(attention, axis=-1))


def test_vmap_and_its_gradient_are_those_of_pieces():
  small, large = (3, 1, 5, 7, CHANNELS), (3, 1, 10, 14, CHANNELS)
  queries, keys = pictures(2, *small)
  # Some, none and all places are sources.
  is_source = np.arange(35) % 3 > 0
  is_source = np.stack([is_source, 0 * is_source, is_source < 2])
  inputs = queries, keys, pictures(*large), is_source[:, None].astype("f")

  def gradients_of_each(attend):
    def weighted_sum(*inputs):
      features, source = attend(*inputs, fuse=True, softmax_scale=2)
      weights = jnp.sin(jnp.arange(features.size, dtype=jnp.float32))
      total = jnp.sum(features * weights.reshape(features.shape))
      return total, (features, source)

    gradients = jax.grad(weighted_sum, argnums=(0, 1, 2), has_aux=True)
    return jax.jit(jax.vmap(gradients))(*inputs)

  in_pieces = functools.partial(chunked_attention.attend, tile_bytes=2**12)
  expected_gradients, expected = gradients_of_each(in_pieces)
  expected_features, expected_source = expected
  gradients, (features, source) = gradients_of_each(plain_attention.attend)
  np.testing.assert_allclose(features, expected_features, atol=1e-5, rtol=0)
  np.testing.assert_array_equal(source, expected_source)
  assert not source[1].any() and source[0].any()
  for actual, wanted in zip(gradients, expected_gradients, strict=True):
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(actual, wanted, atol=1e-5 * scale, rtol=0)


def test_first_of_equal_sources_is_the_strongest():
  weights = np.array([[[1, 3, 3], [2, 2, 2], [0, 0, 5]]], np.float32)
  actual = plain_attention._strongest(weights)
  assert actual.dtype == np.int32
  np.testing.assert_array_equal(actual, [[1, 0, 2]])


def test_weights_that_are_no_numbers_have_a_source_all_the_same():
  weights = np.array([[[np.nan, 1, 2], [0, 2, 1]]], np.float32)
  np.testing.assert_array_equal(plain_attention._strongest(weights), [[0, 1]])
