import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax.fast import convolution, folded_upsampling
from gatedinpaint_jax.layers import conv
from gatedinpaint_jax.training import devices
from tests import convolution_test

plain = functools.partial(conv.convolve, upsample=True)
fast = functools.partial(convolution.convolve, upsample=True)


def make_arrays(height, width, batch=2, kernel_size=3, dtype=jnp.float32):
  shape = (batch, height, width, 5)
  return convolution_test.make_arrays(shape, kernel_size, 7, dtype)


def assert_close(actual, expected):
  convolution_test.assert_close({"y": actual}, {"y": expected}, 1e-6)


def is_folded(x, kernel, **step):
  """Whether its program has the convolution of the small picture."""
  # A function of its own, since JAX keeps what it has traced.
  text = jax.jit(lambda *x: fast(*x, **step)).lower(x, kernel).as_text()
  assert text.count("stablehlo.convolution") == 1
  return "2x2x5x28" in text


@pytest.fixture
def always_folded(monkeypatch):
  monkeypatch.setattr(folded_upsampling, "_FEWEST_OUTPUTS", 1)


@pytest.mark.usefixtures("always_folded")
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (7, 9)])
def test_values_are_those_of_the_doubled_picture(size):
  x, kernel = make_arrays(*size)
  assert is_folded(x, kernel)
  assert_close(jax.jit(fast)(x, kernel), plain(x, kernel))


@pytest.mark.usefixtures("always_folded")
def test_rounding_is_that_of_a_direct_sum():
  x, kernel = make_arrays(31, 33)
  with jax.enable_x64(True):
    exact = np.asarray(plain(*(np.asarray(a, np.float64) for a in (x, kernel))))
  rms = lambda y: np.sqrt(np.mean((np.asarray(y, np.float64) - exact) ** 2))
  folded = fast(x, kernel)
  assert rms(folded) < 1.2 * rms(plain(x, kernel))


@pytest.mark.usefixtures("always_folded")
def test_a_batch_over_eight_devices_gives_the_same():
  x, kernel = make_arrays(7, 9, batch=8)
  spread = jax.device_put(x, devices.over_pictures(devices.make_mesh()))
  assert_close(jax.jit(fast)(spread, kernel), plain(x, kernel))


@pytest.mark.usefixtures("always_folded")
def test_values_and_gradients_under_vmap_are_those_of_the_doubled_picture():
  x, kernel = make_arrays(7, 9, batch=3)
  actual, expected = (
    jax.vmap(functools.partial(convolution_test.results, form), (0, None))(
      x[:, None], kernel
    )
    for form in (fast, plain)
  )
  convolution_test.assert_close(actual, expected)


@pytest.mark.parametrize(
  ("arrays", "step"),
  [
    (make_arrays(16, 16, kernel_size=5), {}),
    (make_arrays(16, 16), {"stride": 2}),
    (make_arrays(16, 16), {"dilation": 4}),
    (make_arrays(16, 16, dtype=jnp.bfloat16), {}),
    (make_arrays(15, 16), {}),  # small
  ],
)
def test_everything_else_doubles_the_picture(arrays, step):
  assert not is_folded(*arrays, **step)
  np.testing.assert_allclose(
    fast(*arrays, **step).astype(jnp.float32),
    plain(*arrays, **step).astype(jnp.float32),
    rtol=0,
    atol=1e-5,
  )
