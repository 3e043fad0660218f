import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import places2
from gatedinpaint_jax import build
from gatedinpaint_jax.fast import convolution, convolution_gradients
from gatedinpaint_jax.layers import conv
from gatedinpaint_jax.training import devices


def gradients(function, x, kernel):
  """Gradients of a loss that weights every output differently."""

  def loss(x, kernel):
    y = function(x, kernel).astype(jnp.float32)
    return jnp.sum(y * jnp.cos(jnp.arange(y.size).reshape(y.shape)))

  return jax.jit(jax.grad(loss, argnums=(0, 1)))(x, kernel)


def make_arrays(shape, kernel_size, features=4, dtype=jnp.float32):
  rng = np.random.default_rng(0)
  x = rng.standard_normal(shape)
  kernel = rng.standard_normal((kernel_size, kernel_size, shape[-1], features))
  return jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)


def assert_close(actual, expected, tolerance=1e-5):
  assert actual.dtype == expected.dtype
  actual, expected = (np.asarray(a, np.float32) for a in (actual, expected))
  scale = np.abs(expected).max()
  np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * scale)


def lowered(*, shape):
  """The program of both gradients."""

  def both(x, kernel):
    convolve = convolution.convolve
    return jax.vjp(convolve, x, kernel)[1](convolve(x, kernel))

  return jax.jit(both).lower(*make_arrays(shape, 3)).as_text()


@pytest.fixture
def always_strips(monkeypatch):
  """Small pictures take the way of large ones, in strips of a few rows."""
  monkeypatch.setattr(convolution, "_FEWEST_OUTPUTS", 1)
  monkeypatch.setattr(convolution_gradients, "_STRIP_SIZE", 3000)


@pytest.mark.usefixtures("always_strips")
@pytest.mark.parametrize(
  ("features", "size"),
  [(4, (16, 12)), (5, (13, 9))],  # summed taps, and XLA's
)
@pytest.mark.parametrize("kernel_size", [3, 5])
@pytest.mark.parametrize(
  ("stride", "dilation"), [(1, 1), (2, 1), (1, 2), (1, 4), (1, 8), (1, 16)]
)
def test_value_and_gradients_are_those_of_xla(
  features, size, kernel_size, stride, dilation
):
  x, kernel = make_arrays((2, *size, 3), kernel_size, features)
  step = {"stride": stride, "dilation": dilation}
  ours = functools.partial(convolution.convolve, **step)
  xlas = functools.partial(conv.convolve, **step)
  assert_close(ours(x, kernel), xlas(x, kernel))
  for actual, expected in zip(
    gradients(ours, x, kernel), gradients(xlas, x, kernel), strict=True
  ):
    assert_close(actual, expected)


@pytest.mark.parametrize("size", [(8, 8), (7, 8), (4, 5), (2, 1)])
@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_of_pictures_smaller_than_the_kernel(size, stride):
  x, kernel = make_arrays((2, *size, 3), 5)
  ours = functools.partial(convolution.convolve, stride=stride)
  xlas = functools.partial(conv.convolve, stride=stride)
  for actual, expected in zip(
    gradients(ours, x, kernel), gradients(xlas, x, kernel), strict=True
  ):
    assert_close(actual, expected)


@pytest.mark.usefixtures("always_strips")
@pytest.mark.parametrize("size", [(4, 4), (16, 12)])
def test_bfloat16_gradients_are_those_of_float32_rounded(size):
  x, kernel = make_arrays((2, *size, 3), 5, dtype=jnp.bfloat16)
  expected = gradients(
    conv.convolve, x.astype(jnp.float32), kernel.astype(jnp.float32)
  )
  actual = gradients(convolution.convolve, x, kernel)
  for a, e in zip(actual, expected, strict=True):
    assert_close(a, e.astype(jnp.bfloat16), tolerance=0.02)


@pytest.mark.usefixtures("always_strips")
@pytest.mark.parametrize("size", [(4, 4), (16, 12)])
def test_a_batch_over_eight_devices_has_the_gradients_of_one(size):
  x, kernel = make_arrays((8, *size, 3), 5)
  mesh = devices.make_mesh()
  spread = jax.device_put(x, devices.over_pictures(mesh))
  kernels = jax.device_put(kernel, devices.replicated(mesh))
  for actual, expected in zip(
    gradients(convolution.convolve, spread, kernels),
    gradients(conv.convolve, x, kernel),
    strict=True,
  ):
    assert_close(actual, expected)


@pytest.mark.usefixtures("always_strips")
def test_gradient_penalty_has_the_gradient_of_xla():
  x, kernel = make_arrays((2, 8, 6, 2), 3)

  def penalty(function, kernel):
    score = lambda x: jnp.sum(jnp.tanh(function(x, kernel)))
    return jnp.sum(jax.grad(score)(x) ** 2)

  actual, expected = (
    jax.jit(jax.grad(functools.partial(penalty, function)))(kernel)
    for function in (convolution.convolve, conv.convolve)
  )
  assert_close(actual, expected)


def test_only_large_batches_take_strips():
  assert "while" in lowered(shape=(1, 64, 64, 3))
  assert "while" not in lowered(shape=(1, 64, 63, 3))


@pytest.mark.parametrize(
  ("platform", "form"),
  [
    (None, convolution.convolve),
    ("cpu", convolution.convolve),
    ("gpu", conv.convolve),
  ],
)
def test_networks_convolve_as_suits_the_platform(platform, form):
  networks = build.build_networks(places2.get_config(), platform=platform)
  assert [network.convolve for network in networks] == [form, form]
