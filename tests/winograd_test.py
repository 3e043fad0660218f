import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax.layers import convolution, winograd
from gatedinpaint_jax.training import devices
from tests import xla_convolution


def make_arrays(height, width, channels=7, features=9, batch=2):
  rng = np.random.default_rng(0)
  draw = lambda *shape: rng.standard_normal(shape).astype(np.float32)
  return (
    draw(batch, height, width, channels),
    draw(3, 3, channels, features),
    draw(batch, height, width, features),
  )


def assert_close(actual, expected, tolerance=1e-5):
  scale = np.abs(expected).max()
  assert actual.shape == expected.shape
  np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * scale)


def by_kernel(x, kernel, y, dilation=1):
  function = functools.partial(xla_convolution.convolve, x, dilation=dilation)
  return jax.vjp(function, kernel)[1](y)[0]


@pytest.mark.parametrize("most_tiles", [1, 1000])
@pytest.mark.parametrize("dilation", [1, 3, 16])
@pytest.mark.parametrize("size", [(16, 16), (9, 22), (1, 5)])
def test_values_and_gradient_are_those_of_a_direct_sum(
  monkeypatch, size, dilation, most_tiles
):
  monkeypatch.setattr(winograd, "_TILES", most_tiles)
  monkeypatch.setattr(winograd, "_TILES_OF_GRADIENT", most_tiles)
  x, kernel, y = make_arrays(*size)
  actual = winograd.convolve(x, kernel, dilation=dilation)
  assert_close(actual, xla_convolution.convolve(x, kernel, dilation=dilation))
  actual = winograd.gradient_of_kernel(x, y, dilation=dilation)
  assert_close(actual, by_kernel(x, kernel, y, dilation))


@pytest.mark.parametrize("dilation", [1, 3, 16])
def test_rows_around_have_no_output(dilation):
  x, kernel, _ = make_arrays(9 + 2 * dilation, 22)
  whole = xla_convolution.convolve(x, kernel, dilation=dilation)
  actual = winograd.convolve(x, kernel, dilation=dilation, has_border_rows=True)
  assert_close(actual, whole[:, dilation:-dilation])


def test_rounding_errors_are_not_much_more_than_those_of_a_direct_sum():
  x, kernel, _ = make_arrays(48, 48, channels=96, features=16)
  with jax.enable_x64(True):
    exact = np.asarray(
      xla_convolution.convolve(*(a.astype(np.float64) for a in (x, kernel)))
    )
  rms = lambda y: np.sqrt(np.mean((np.asarray(y, np.float64) - exact) ** 2))
  direct = rms(xla_convolution.convolve(x, kernel))
  assert rms(winograd.convolve(x, kernel)) < 3 * direct


@pytest.fixture
def one_core(monkeypatch):
  monkeypatch.setattr(convolution, "_cores_are_few", lambda most: True)


@pytest.mark.usefixtures("one_core")
@pytest.mark.parametrize("dilation", [1, 4])
def test_all_gradients_of_a_layer_that_takes_it_are_those_of_xla(dilation):
  x, kernel, y = make_arrays(32, 32, channels=48, features=64)
  assert winograd.pays(x, kernel, dilation=dilation)
  assert winograd.gradient_pays(x, kernel, dilation=dilation)
  ours = functools.partial(convolution.convolve, dilation=dilation)
  value, pullback = jax.vjp(ours, x, kernel)
  expected, expected_pullback = jax.vjp(
    lambda x, kernel: xla_convolution.convolve(x, kernel, dilation=dilation),
    x,
    kernel,
  )
  assert_close(value, expected)
  for a, e in zip(pullback(y), expected_pullback(y), strict=True):
    assert_close(a, e)


@pytest.mark.usefixtures("one_core")
def test_a_batch_over_eight_devices_and_vmap_give_the_same():
  x, kernel, _ = make_arrays(32, 32, channels=48, features=48, batch=8)
  expected = xla_convolution.convolve(x, kernel)
  spread = jax.device_put(x, devices.over_pictures(devices.make_mesh()))
  value = lambda x: convolution.convolve(x, kernel)
  each = jax.vmap(lambda x: value(x[None])[0])
  with convolution.tuned():
    for function, arrays in ((value, spread), (each, x)):
      traced = jax.jit(function).trace(arrays)
      assert "36x48x48" in traced.lower().as_text()
      assert_close(jax.jit(function)(arrays), expected)


@pytest.mark.usefixtures("one_core")
def test_gradients_under_vmap_are_those_of_xla():
  x, kernel, y = make_arrays(32, 32, channels=48, features=64)

  def of_each(convolve):
    weighted_sum = lambda x, kernel, y: jnp.sum(convolve(x[None], kernel) * y)
    gradients = jax.grad(weighted_sum, argnums=(0, 1))
    return jax.jit(jax.vmap(gradients, in_axes=(0, None, 0)))

  ours = of_each(convolution.convolve)
  assert "36x48x64" in ours.lower(x, kernel, y[:, None]).as_text()
  expected = of_each(xla_convolution.convolve)(x, kernel, y[:, None])
  for a, e in zip(ours(x, kernel, y[:, None]), expected, strict=True):
    assert_close(a, e)


def takes_it(function, *arrays, platform="cpu"):
  # A function of its own, since JAX keeps what it has traced.
  traced = jax.jit(lambda *arrays: function(*arrays)).trace(*arrays)
  text = traced.lower(lowering_platforms=(platform,)).as_text()
  return "36x48x64" in text


@pytest.mark.parametrize("cores", [1, 2, 4])
def test_what_is_tuned_takes_it_on_one_core(monkeypatch, cores):
  few = lambda most: cores <= most
  monkeypatch.setattr(convolution, "_cores_are_few", few)
  x, kernel, _ = make_arrays(64, 64, channels=48, features=64, batch=1)
  gradient = lambda x, kernel: jax.vjp(convolution.convolve, x, kernel)[0]
  assert takes_it(gradient, x, kernel) == (cores <= 2)
  assert not takes_it(convolution.convolve, x, kernel)
  with convolution.tuned():
    assert takes_it(convolution.convolve, x, kernel) == (cores == 1)
  assert not takes_it(convolution.convolve, x, kernel)


@pytest.mark.usefixtures("one_core")
def test_value_of_what_is_tuned_is_that_of_xla():
  x, kernel, _ = make_arrays(33, 35, channels=48, features=64)
  assert winograd.pays(x, kernel)
  with convolution.tuned():
    actual = jax.jit(convolution.convolve)(x, kernel)
  assert_close(actual, xla_convolution.convolve(x, kernel))


@pytest.mark.parametrize("platform", ["cpu", "cuda", "tpu"])
@pytest.mark.parametrize("few_cores", [True, False])
def test_only_processors_of_few_cores_take_it(monkeypatch, platform, few_cores):
  monkeypatch.setattr(convolution, "_cores_are_few", lambda most: few_cores)
  x, kernel, y = make_arrays(64, 64, channels=48, features=64, batch=1)

  def everything(x, kernel, y):
    value, pullback = jax.vjp(convolution.convolve, x, kernel)
    return value, pullback(y)

  taken = takes_it(everything, x, kernel, y, platform=platform)
  assert taken == (platform == "cpu" and few_cores)


@pytest.mark.parametrize(
  ("shape", "kernel_shape", "dilation"),
  [
    ((1, 64, 64, 48), (5, 5, 48, 48), 1),  # not three by three
    ((1, 64, 64, 24), (3, 3, 24, 96), 1),  # few channels
    ((1, 31, 32, 48), (3, 3, 48, 48), 1),  # small
    ((1, 40, 40, 48), (3, 3, 48, 48), 16),  # tiles mostly empty
  ],
)
def test_it_is_not_taken_where_it_does_not_pay(shape, kernel_shape, dilation):
  x, kernel = (jnp.zeros(s) for s in (shape, kernel_shape))
  assert not winograd.pays(x, kernel, dilation=dilation)
  wide = [jnp.zeros(s) for s in ((1, 64, 64, 48), (3, 3, 48, 48))]
  assert winograd.pays(*wide)
  assert not winograd.pays(*(array.astype(jnp.bfloat16) for array in wide))
