"""Layers on blocks of pixels, against those of `layers.conv`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import places2
from gatedinpaint_jax import build
from gatedinpaint_jax.fast import block_conv
from gatedinpaint_jax.layers import conv

# Layer, input channels, whether it takes blocks, whether it gives them.
LAYERS = [
  ({"features": 8, "kernel_size": 5}, 5, False, True),  # conv1
  ({"features": 16, "stride": 2}, 8, True, False),  # conv2_downsample
  ({"features": 8, "upsample": True}, 16, False, True),  # conv15_upsample
  ({"features": 4}, 8, True, True),  # conv16
  ({"features": 40}, 8, True, False),
  ({"features": 8, "upsample": True}, 8, True, True),
  ({"features": 8, "dilation": 2}, 8, True, False),
  ({"features": 8}, 16, False, False),
]


@pytest.mark.parametrize("kind", ["gated", "vanilla"])
@pytest.mark.parametrize(("layer", "channels", "takes", "gives"), LAYERS)
def test_layer_equals_that_of_pixels(kind, layer, channels, takes, gives):
  x = np.random.default_rng(0).normal(size=(2, 8, 12, channels))
  x = jnp.asarray(x, jnp.float32)
  plain, blocks = (
    conv.KINDS[kind][0](**layer),
    block_conv.KINDS[kind][0](**layer),
  )
  variables = {"params": plain.init(jax.random.key(0), x)["params"]}
  variables["params"]["bias"] += jnp.arange(variables["params"]["bias"].size)

  def on_blocks(variables, x):
    y, valid = blocks.apply(variables, block_conv.to_blocks(x) if takes else x)
    assert valid is None and isinstance(y, block_conv.Blocks) == gives
    return block_conv.to_pixels(y) if gives else y

  def on_pixels(variables, x):
    return plain.apply(variables, x)[0]

  expected, pullback = jax.vjp(on_pixels, variables, x)
  actual, pullback_of_blocks = jax.vjp(on_blocks, variables, x)
  np.testing.assert_allclose(actual, expected, atol=1e-5)
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(b).max()),
    pullback_of_blocks(expected),
    pullback(expected),
  )


@pytest.mark.parametrize(
  ("kind", "width", "channels"),
  [("gated", 4, 3), ("vanilla", 8, 13), ("partial", 4, 1)],
)
def test_networks_for_a_tpu_equal_those_for_a_gpu(kind, width, channels):
  config = places2.get_config()
  config.model.update(conv=kind, width=width, channels=channels, guided=True)
  config.model.discriminator_width = 2
  generators, discriminators = zip(
    *(build.build_networks(config, platform=name) for name in ("tpu", "gpu")),
    strict=True,
  )
  random = np.random.default_rng(0)
  image = random.uniform(-1, 1, (2, 24, 40, channels)).astype(np.float32)
  mask = jnp.zeros((2, 24, 40, 1)).at[:, 8:20, 10:30].set(1)
  inputs = (image * (1 - mask), mask, mask * (image[..., :1] > 0.5))
  ours, plain = (
    jax.jit(g.init_with_output)(jax.random.key(0), *inputs) for g in generators
  )
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), ours, plain
  )
  if kind != "gated":
    return
  ours, plain = (
    jax.jit(
      lambda key, d=d: d.init_with_output(key, *inputs, update_stats=True)
    )(jax.random.key(0))
    for d in discriminators
  )
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), ours, plain
  )
