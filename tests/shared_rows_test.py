import functools

import jax
import numpy as np
import pytest

from gatedinpaint_jax.layers import (
  convolution,
  plain_attention,
  resize,
  shared_rows,
  upsampled_convolution,
)
from tests import xla_convolution


def by_rows(count):
  found = np.asarray(jax.devices()[:count]).reshape(1, count)
  return jax.set_mesh(jax.sharding.Mesh(found, ("data", "rows")))


def make_arrays(height, *, taps=3, channels=(48, 64)):
  random = np.random.default_rng(height)
  x = random.normal(size=(2, height, 24, channels[0]))
  kernel = random.normal(size=(taps, taps, *channels)) / taps
  return x.astype("f"), kernel.astype("f")


@pytest.fixture
def tuned(monkeypatch):
  """Convolves as programs that are long to compile do on one core each."""
  monkeypatch.setattr(convolution, "count_cores", lambda: 1)
  with convolution.tuned():
    yield


@pytest.fixture
def calls(monkeypatch):
  """The rows around that devices asked for."""
  seen = []
  do_own = shared_rows.do_own

  def record(*args, around=(0, 0)):
    seen.append(tuple(around))
    return do_own(*args, around=around)

  monkeypatch.setattr(shared_rows, "do_own", record)
  return seen


@pytest.mark.usefixtures("tuned")
@pytest.mark.parametrize(
  ("count", "height", "taps", "channels", "options", "around"),
  [
    (2, 128, 3, (48, 64), {}, (1, 1)),
    (2, 128, 3, (48, 64), {"dilation": 8}, (8, 8)),
    (4, 64, 3, (48, 64), {"dilation": 16}, (16, 16)),
    (8, 64, 3, (48, 64), {"dilation": 2}, (2, 2)),
    (8, 64, 5, (3, 4), {}, (2, 2)),
    (8, 64, 3, (5, 6), {"stride": 2}, (0, 1)),
    (2, 64, 1, (5, 6), {}, (0, 0)),
    (8, 72, 3, (48, 64), {}, (1, 1)),
  ],
)
def test_devices_that_share_rows_convolve_as_one(
  calls, count, height, taps, channels, options, around
):
  x, kernel = make_arrays(height, taps=taps, channels=channels)
  expected = xla_convolution.convolve(x, kernel, **options)
  convolve = functools.partial(convolution.convolve, **options)
  with by_rows(count):
    actual = jax.jit(convolve)(x, kernel)
  assert calls == [around]
  scale = np.abs(expected).max()
  np.testing.assert_allclose(actual, expected, atol=1e-5 * scale, rtol=0)


@pytest.mark.usefixtures("tuned")
@pytest.mark.parametrize(
  ("height", "cores", "is_taken"),
  [(128, 2, True), (64, 2, False), (128, 4, False)],
)
def test_enough_rows_of_a_core_go_the_way_of_winograd(
  monkeypatch, height, cores, is_taken
):
  monkeypatch.setattr(convolution, "count_cores", lambda: cores)
  x, kernel = make_arrays(height)
  with by_rows(2):
    # A function of its own, since JAX keeps what it has traced.
    lowered = jax.jit(lambda *args: convolution.convolve(*args)).lower(
      x, kernel
    )
  assert ("36x48x64" in lowered.as_text()) == is_taken


@pytest.mark.parametrize("count", [2, 8])
def test_devices_that_share_rows_convolve_the_doubled_picture(calls, count):
  x, kernel = make_arrays(48)
  expected = xla_convolution.convolve(resize.upsample_x2(x), kernel)
  with by_rows(count):
    actual = jax.jit(upsampled_convolution.convolve)(x, kernel)
  assert calls == [(1, 1)]
  scale = np.abs(expected).max()
  np.testing.assert_allclose(actual, expected, atol=1e-5 * scale, rtol=0)


@pytest.mark.parametrize(
  ("count", "rows", "columns", "fuse"),
  [(2, 16, 3, True), (4, 12, 5, True), (8, 8, 4, True), (8, 16, 5, False)],
)
def test_devices_that_share_rows_attend_as_one(
  calls, count, rows, columns, fuse
):
  random = np.random.default_rng(count)
  queries, keys = random.normal(size=(2, 2, rows, columns, 4)).astype("f")
  values = random.normal(size=(2, 2 * rows, 2 * columns, 4)).astype("f")
  is_source = (random.uniform(size=(2, rows * columns)) < 0.7).astype("f")
  attend = functools.partial(
    plain_attention.attend, fuse=fuse, softmax_scale=3.0
  )
  arrays = queries, keys, values, is_source
  expected = jax.jit(attend)(*arrays)
  with by_rows(count):
    # A function of its own, since JAX keeps what it has traced.
    actual = jax.jit(lambda *x: attend(*x))(*arrays)
  assert calls == [(0, 0)]
  np.testing.assert_allclose(actual[0], expected[0], atol=1e-6, rtol=0)
  np.testing.assert_array_equal(actual[1], expected[1])


@pytest.mark.parametrize(
  ("count", "height", "options"),
  [
    (1, 64, {}),
    (8, 64, {"dilation": 16}),  # more than the rows of a neighbour
    (8, 72, {"stride": 2}),  # an odd number of rows for each
    (8, 60, {}),  # not as many for each
  ],
)
def test_the_rest_is_left_to_xla(calls, count, height, options):
  x, kernel = make_arrays(height)
  expected = xla_convolution.convolve(x, kernel, **options)
  convolve = functools.partial(convolution.convolve, **options)
  with by_rows(count):
    actual = jax.jit(convolve)(x, kernel)
  assert not calls
  scale = np.abs(expected).max()
  np.testing.assert_allclose(actual, expected, atol=1e-5 * scale, rtol=0)


def test_the_rest_is_left_to_xla_where_pictures_are_shared_too():
  x, _ = make_arrays(64)
  found = np.asarray(jax.devices()[:4]).reshape(2, 2)
  with jax.set_mesh(jax.sharding.Mesh(found, ("data", "rows"))):
    assert not shared_rows.can_take(x, (1, 1))


def test_accelerators_leave_it_to_xla(monkeypatch):
  x, _ = make_arrays(64)
  with by_rows(2):
    assert shared_rows.can_take(x, (1, 1))
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert not shared_rows.can_take(x, (1, 1))
