import jax
import jax.numpy as jnp
import numpy as np

from gatedinpaint_jax import accumulation
from gatedinpaint_jax.training import devices


def test_every_device_keeps_its_pictures():
  mesh = devices.make_mesh(jax.devices()[:2])
  x = devices.put_batch(np.arange(8).reshape(8, 1, 1, 1), mesh)
  parts = jax.jit(lambda x: accumulation.split(x, 2))(x)
  assert parts.shape == (2, 4, 1, 1, 1)
  for shard in parts.addressable_shards:
    begin = 4 * jax.devices().index(shard.device)
    np.testing.assert_array_equal(
      np.sort(np.ravel(shard.data)), np.arange(begin, begin + 4)
    )


def test_split_moves_nothing_between_devices():
  mesh = devices.make_mesh(jax.devices()[:8])
  x = devices.put_batch(np.zeros((32, 8, 8, 3), np.float32), mesh)
  compiled = jax.jit(lambda x: accumulation.split(x, 4) + 1).lower(x).compile()
  assert "all-" not in compiled.as_text()
  assert "collective" not in compiled.as_text()


def test_mean_is_that_of_all_parts():
  parts = {"x": jnp.arange(12.0).reshape(3, 4)}
  compute = lambda part: {"mean": part["x"].mean(), "first": part["x"][:1]}
  mean = accumulation.mean(compute, parts)
  np.testing.assert_allclose(mean["mean"], 5.5)
  np.testing.assert_allclose(mean["first"], [4.0])
