import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax.fast import chunked_attention
from gatedinpaint_jax.layers import contextual_attention
from gatedinpaint_jax.training import devices

CHANNELS = 3


def in_blocks(rows_per_block, columns, *, fuse=True):
  """Returns chunked attention with blocks of so many rows."""
  scores = ((rows_per_block + 2) * (columns + 2)) ** 2
  return jax.jit(
    functools.partial(
      chunked_attention.attend,
      fuse=fuse,
      softmax_scale=1.0,
      tile_bytes=4 * scores,
    )
  )


def at_once(*, fuse=True):
  return jax.jit(
    functools.partial(contextual_attention.attend, fuse=fuse, softmax_scale=1.0)
  )


def inputs(rows, columns, batch=3):
  """Queries, keys, values and sources: some, none and all, by turns."""
  random = np.random.default_rng(rows * columns)
  small = (batch, rows, columns, CHANNELS)
  is_source = random.uniform(size=(batch, rows * columns)) < 0.7
  is_source[1::3] = False
  is_source[2::3] = True
  return (
    random.normal(size=small).astype(np.float32),
    random.normal(size=small).astype(np.float32),
    random.normal(size=(batch, 2 * rows, 2 * columns, CHANNELS)).astype("f"),
    is_source.astype(np.float32),
  )


def gradients(attend):
  """Returns a function to the three gradients, the features and sources."""

  def weighted_sum(queries, keys, values, is_source):
    features, source, _ = attend(queries, keys, values, is_source)
    weights = jnp.sin(jnp.arange(features.size, dtype=jnp.float32))
    total = jnp.sum(features * weights.reshape(features.shape))
    return total, (features, source)

  return jax.jit(jax.grad(weighted_sum, argnums=(0, 1, 2), has_aux=True))


def assert_close(actual, expected, tolerance, gradient_tolerance):
  """Compares what `gradients` gives, to fractions of the largest value."""
  gradients, (features, source) = actual
  expected_gradients, (expected_features, expected_source) = expected
  np.testing.assert_array_equal(source, expected_source)
  tolerances = [tolerance, *len(gradients) * [gradient_tolerance]]
  for x, y, tolerance in zip(
    [features, *gradients],
    [expected_features, *expected_gradients],
    tolerances,
    strict=True,
  ):
    atol = tolerance * np.maximum(np.abs(y).max(), 1e-2)
    np.testing.assert_allclose(x, y, atol=atol, rtol=0)


@pytest.mark.parametrize(
  ("rows", "columns", "rows_per_block", "fuse"),
  [
    (1, 1, 1, True),
    (1, 5, 1, True),
    (5, 1, 2, True),
    (7, 4, 3, True),
    (7, 4, 3, False),
    (13, 17, 1, True),
  ],
)
def test_equals_all_at_once(rows, columns, rows_per_block, fuse):
  args = inputs(rows, columns)
  chunked = in_blocks(rows_per_block, columns, fuse=fuse)
  assert_close(
    gradients(chunked)(*args), gradients(at_once(fuse=fuse))(*args), 1e-5, 1e-4
  )


def test_first_of_equal_sources_wins_over_those_of_later_blocks():
  _, _, values, is_source = inputs(6, 5)
  x = np.zeros((3, 6, 5, CHANNELS), np.float32)
  _, source, _ = in_blocks(2, 5)(x, x, values, is_source)
  first = [np.flatnonzero(is_source[0])[0], 0, 0]
  np.testing.assert_array_equal(source, np.broadcast_to(first, (30, 3)).T)


def test_place_whose_attention_the_hole_wins_has_source_0():
  _, keys, values, is_source = inputs(6, 5)
  keys = 1 + np.abs(keys)  # so that scores are -1000 or less but in the hole
  # A first block without a hole, whose best source is best until the second.
  is_source[:] = np.arange(30) < 17
  features, source, _ = in_blocks(2, 5)(-1000 * keys, keys, values, is_source)
  np.testing.assert_array_equal(features, np.zeros_like(features))
  np.testing.assert_array_equal(source, np.zeros_like(source))


def test_very_negative_scores_without_a_hole_stay_finite():
  _, keys, values, is_source = inputs(7, 5)
  keys, is_source = 1 + np.abs(keys), np.ones_like(is_source)
  args = (-1000 * keys, keys, values, is_source)
  features, source, _ = in_blocks(3, 5)(*args)
  whole_features, whole_source, _ = at_once()(*args)
  np.testing.assert_allclose(features, whole_features, atol=1e-4)
  np.testing.assert_array_equal(source, whole_source)


def test_bfloat16_is_as_close_to_float32_as_all_at_once():
  *features, is_source = inputs(6, 5)
  rounded = [x.astype(jnp.bfloat16) for x in features]
  exact, *_ = at_once()(*features, is_source)
  whole, *_ = at_once()(*rounded, is_source)
  grads, (chunked, _) = gradients(in_blocks(2, 5))(*rounded, is_source)
  assert chunked.dtype == whole.dtype
  assert np.abs(whole - exact).mean() < 0.02
  error = lambda x: np.abs(x - exact).max()
  assert 0 < error(chunked) < 1.5 * error(whole)
  assert {x.dtype for x in grads} == {jnp.dtype(jnp.bfloat16)}


def test_eight_devices_share_a_batch_and_exchange_nothing():
  args = inputs(6, 5, batch=8)
  attend = in_blocks(2, 5)
  spread = jax.device_put(args, devices.over_pictures(devices.make_mesh()))
  program = attend.lower(*spread).compile()
  for exchange in ("all-gather", "all-reduce", "all-to-all", "collective"):
    assert exchange not in program.as_text()
  features, source, attention = program(*spread)
  assert attention is None  # never held at once
  alone_features, alone_source, _ = attend(*args)
  np.testing.assert_allclose(features, alone_features, atol=1e-6)
  np.testing.assert_array_equal(source, alone_source)


@pytest.mark.parametrize(
  ("count", "rows", "columns", "rows_per_block"),
  [(2, 13, 7, 2), (8, 3, 4, 3)],
)
def test_devices_share_the_queries(count, rows, columns, rows_per_block):
  args = inputs(rows, columns)
  attend = in_blocks(rows_per_block, columns)
  alone = gradients(attend)(*args)
  mesh = jax.sharding.Mesh(
    np.reshape(jax.devices()[:count], (1, count)), ("data", "rows")
  )
  with jax.set_mesh(mesh):
    shared = gradients(attend)(*args)
  assert_close(shared, alone, 3e-7, 1e-5)


@pytest.mark.optimized
def test_memory_for_many_places_is_a_fraction_of_that_for_few_at_once():
  def bytes_needed(attend, side):
    small = jax.ShapeDtypeStruct((1, side, side, 8), jnp.float32)
    large = jax.ShapeDtypeStruct((1, 2 * side, 2 * side, 8), jnp.float32)
    is_source = jax.ShapeDtypeStruct((1, side**2), jnp.float32)
    lowered = gradients(attend).lower(small, small, large, is_source)
    return lowered.compile().memory_analysis().temp_size_in_bytes

  chunked = functools.partial(
    chunked_attention.attend, fuse=True, softmax_scale=1.0
  )
  assert bytes_needed(chunked, 256) < bytes_needed(at_once(), 128) / 2
