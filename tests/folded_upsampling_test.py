import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax.fast import convolution, folded_upsampling
from gatedinpaint_jax.layers import conv
from gatedinpaint_jax.training import devices


def plain(x, kernel, **step):
  return conv.convolve(x, kernel, upsample=True, **step)


def fast(x, kernel, **step):
  return convolution.convolve(x, kernel, upsample=True, **step)


def make_arrays(height, width, batch=2, kernel_size=3, dtype=np.float32):
  rng = np.random.default_rng(0)
  x = rng.standard_normal((batch, height, width, 5))
  kernel = rng.standard_normal((kernel_size, kernel_size, 5, 7))
  return jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)


def assert_close(actual, expected, tolerance=1e-6):
  scale = np.abs(expected).max()
  assert actual.shape == expected.shape and actual.dtype == expected.dtype
  np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * scale)


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

  def of_each(convolve):
    def weighted_sum(x, kernel):
      y = convolve(x[None], kernel)
      return jnp.sum(y * jnp.cos(jnp.arange(y.size)).reshape(y.shape)), y

    gradients = jax.grad(weighted_sum, argnums=(0, 1), has_aux=True)
    return jax.jit(jax.vmap(gradients, in_axes=(0, None)))

  actual = of_each(fast)(x, kernel)
  expected = of_each(plain)(x, kernel)
  for a, e in zip(*map(jax.tree.leaves, (actual, expected)), strict=True):
    assert_close(a, e, tolerance=1e-5)


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
