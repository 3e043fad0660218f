"""What reaches each layer, and comes back, before the first step."""

import functools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util
from PIL import Image

import gatedinpaint_jax
from benchmarks import signal_strength
from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import losses
from gatedinpaint_jax.layers import conv, initializers
from gatedinpaint_jax.networks import inpaint_generator

PHOTOS = pathlib.Path(gatedinpaint_jax.__file__).parent / "example_photos"


@functools.cache
def photos(size, count=3):
  """Photographs and a hole in the middle of half of their sides."""
  paths = sorted(PHOTOS.glob("train/*.jpg"))[:count]
  images = [
    np.asarray(Image.open(path).convert("RGB").resize((size, size)))
    for path in paths
  ]
  mask = np.zeros((count, size, size, 1), np.float32)
  mask[:, size // 4 : -size // 4, size // 4 : -size // 4] = 1
  return batch_lib.from_uint8(np.float32(images)), mask


@functools.cache
def network(kind, width, initializer="variance_preserving"):
  generator = inpaint_generator.InpaintGenerator(
    conv=kind, width=width, initializer=initializer
  )
  image, mask = photos(64)
  variables = jax.jit(generator.init)(jax.random.key(0), image, mask)
  return generator, variables["params"]


def hidden_layers(generator, params, size):
  """Returns the root mean square of what each hidden layer puts out."""
  image, mask = photos(size)
  found = jax.jit(
    functools.partial(signal_strength.root_mean_squares, generator)
  )(params, batch_lib.erase(image, mask), mask)
  hidden = {k: v for k, v in found.items() if not k.endswith("conv17")}
  return jax.device_get(hidden)


# At 64 x 64 a dilation of 16 on a map of 16 x 16 sees mostly zeros around it.
BOUNDS = {64: (0.03, 2), 128: (0.1, 2), 256: (0.1, 2)}
QUICK = [("gated", 12, 64), *((k, 12, 128) for k in ("partial", "vanilla"))]
AS_TRAINED = pytest.param("gated", 48, 256, marks=pytest.mark.slow)


@pytest.mark.parametrize(("kind", "width", "size"), [*QUICK, AS_TRAINED])
def test_every_layer_hands_on_what_it_gets(kind, width, size):
  # The rim of holes makes more of partial convolutions.
  least, most = (0.05, 6) if kind == "partial" else BOUNDS[size]
  found = hidden_layers(*network(kind, width), size)
  assert len(found) == 16 + 24
  for name, value in found.items():
    assert least <= value <= most, (name, found)


def test_released_draw_loses_the_signal():
  found = hidden_layers(*network("gated", 12, "released"), 64)
  assert found["coarse.conv16"] < 1e-5 < found["coarse.conv5"] < 0.03


def gradient_norms(generator, params, size):
  image, mask = photos(size)

  def loss(params):
    output = generator.apply(
      {"params": params}, batch_lib.erase(image, mask), mask
    )
    return losses.l1(output.coarse, image) + losses.l1(output.refined, image)

  gradients = traverse_util.flatten_dict(jax.jit(jax.grad(loss))(params))
  return {
    ".".join(layer): float(jnp.linalg.norm(gradient))
    for (*layer, name), gradient in gradients.items()
    if name == "kernel"
  }


def test_gradients_of_all_layers_are_of_one_size():
  norms = gradient_norms(*network("gated", 12), 128)
  least, most = min(norms.values()), max(norms.values())
  # From the released draw they lie between 1e-8 and 1e-6.
  assert 1e-3 < least and most < 100 * least, norms


@pytest.mark.parametrize(("activation", "gated"), initializers.SCALES)
def test_unit_power_in_is_unit_power_out(activation, gated):
  # A layer of very many inputs, so that sums are normal.
  draw = initializers.variance_preserving(activation, gated=gated)
  keys = jax.random.split(jax.random.key(0))
  kernel = draw(keys[0], (1, 1, 4096, 512))
  y = jax.random.normal(keys[1], (256, 4096)) @ kernel[0, 0]
  if gated:
    y, gate = jnp.split(y, 2, axis=-1)
  y = y if activation is None else activation(y)
  y = y * jax.nn.sigmoid(gate) if gated else y
  assert float(jnp.mean(jnp.square(y))) == pytest.approx(1, abs=0.02)


def test_activation_without_a_scale_is_named():
  layer = conv.GatedConv(4, activation=jnp.tanh)
  with pytest.raises(KeyError, match="tanh"):
    layer.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
