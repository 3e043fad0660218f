import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import places2
from gatedinpaint_jax import build
from gatedinpaint_jax.fast import (
  attention,
  convolution,
  convolution_gradients,
)
from gatedinpaint_jax.layers import conv
from gatedinpaint_jax.training import devices


def results(function, x, kernel):
  """The output and the gradients of a loss that weights it all differently."""

  def loss(x, kernel):
    y = function(x, kernel)
    weights = jnp.cos(jnp.arange(y.size).reshape(y.shape))
    return jnp.sum(y.astype(jnp.float32) * weights), y

  results = jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True))(x, kernel)
  (dx, d_kernel), y = results
  return {"y": y, "dx": dx, "d_kernel": d_kernel}


def make_arrays(shape, kernel_size, features=4, dtype=jnp.float32):
  rng = np.random.default_rng(0)
  x = rng.standard_normal(shape)
  kernel = rng.standard_normal((kernel_size, kernel_size, shape[-1], features))
  return jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)


def assert_close(actual, expected, tolerance=1e-5):
  """Compares {name: array}, to fractions of the largest value."""
  for name, wanted in expected.items():
    assert actual[name].dtype == wanted.dtype, name
    a, b = (np.asarray(x, np.float32) for x in (actual[name], wanted))
    atol = tolerance * np.abs(b).max()
    np.testing.assert_allclose(a, b, rtol=0, atol=atol, err_msg=name)


@pytest.fixture
def always_strips(monkeypatch):
  """Small pictures take the way of large ones, in strips of a few rows."""
  monkeypatch.setattr(convolution, "_FEWEST_OUTPUTS", 1)
  monkeypatch.setattr(convolution_gradients, "_STRIP_SIZE", 3000)


@pytest.mark.usefixtures("always_strips")
@pytest.mark.parametrize("kernel_size", [3, 5])
@pytest.mark.parametrize(
  ("features", "size", "stride", "dilation"),
  [
    (4, (16, 12), 1, 1),  # summed taps
    (4, (16, 12), 1, 2),
    (4, (13, 9), 1, 16),
    (5, (13, 9), 1, 1),  # XLA's
    (5, (16, 12), 1, 16),
    (5, (16, 12), 2, 1),
    (4, (13, 9), 2, 1),
  ],
)
def test_value_and_gradients_are_those_of_xla(
  features, size, kernel_size, stride, dilation
):
  arrays = make_arrays((2, *size, 3), kernel_size, features)
  step = {"stride": stride, "dilation": dilation}
  ours = functools.partial(convolution.convolve, **step)
  xlas = functools.partial(conv.convolve, **step)
  assert_close(results(ours, *arrays), results(xlas, *arrays))


@pytest.mark.parametrize("size", [(7, 8), (4, 5), (2, 1)])
@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_of_pictures_smaller_than_the_kernel(size, stride):
  arrays = make_arrays((2, *size, 3), 5)
  ours = functools.partial(convolution.convolve, stride=stride)
  xlas = functools.partial(conv.convolve, stride=stride)
  assert_close(results(ours, *arrays), results(xlas, *arrays))


@pytest.mark.usefixtures("always_strips")
@pytest.mark.parametrize("size", [(4, 4), (16, 12)])
def test_bfloat16_gradients_are_those_of_float32_rounded(size):
  arrays = make_arrays((2, *size, 3), 5, dtype=jnp.bfloat16)
  actual = results(convolution.convolve, *arrays)
  exact = results(conv.convolve, *(a.astype(jnp.float32) for a in arrays))
  rounded = {name: array.astype(jnp.bfloat16) for name, array in exact.items()}
  assert_close(actual, rounded, tolerance=0.02)


@pytest.mark.usefixtures("always_strips")
@pytest.mark.parametrize("size", [(4, 4), (16, 12)])
def test_a_batch_over_eight_devices_has_the_gradients_of_one(size):
  x, kernel = make_arrays((8, *size, 3), 5)
  mesh = devices.make_mesh()
  spread = jax.device_put(x, devices.over_pictures(mesh))
  kernels = jax.device_put(kernel, devices.replicated(mesh))
  assert_close(
    results(convolution.convolve, spread, kernels),
    results(conv.convolve, x, kernel),
  )


@pytest.mark.usefixtures("always_strips")
def test_gradient_penalty_has_the_gradient_of_xla():
  x, kernel = make_arrays((2, 8, 6, 2), 3)

  def penalty(function, kernel):
    score = lambda x: jnp.sum(jnp.tanh(function(x, kernel)))
    return jnp.sum(jax.grad(score)(x) ** 2)

  actual, expected = (
    {"d_kernel": jax.jit(jax.grad(functools.partial(penalty, form)))(kernel)}
    for form in (convolution.convolve, conv.convolve)
  )
  assert_close(actual, expected)


@pytest.mark.parametrize(
  ("platform", "convolve", "attend"),
  [
    (None, convolution.convolve, attention.attend_on_cpu),
    ("cpu", convolution.convolve, attention.attend_on_cpu),
    ("gpu", conv.convolve, attention.attend),
  ],
)
def test_networks_have_the_forms_of_the_platform(platform, convolve, attend):
  networks = build.build_networks(places2.get_config(), platform=platform)
  assert [network.convolve for network in networks] == [convolve, convolve]
  assert networks[0].attend is attend
