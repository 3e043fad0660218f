"""How strong the signal is in each layer before training, by the first draw.

  python benchmarks/activations.py [--size=64 --width=24 --convs=gated,vanilla]

Root mean square of what each layer puts out, for eight bundled photographs with
a hole in the middle, of `config.model.initializer` variance_preserving and
released. Prints one JSON line: {CONV: {INITIALIZER: {LAYER: number}}}.
"""

import pathlib

import command
import jax
import machine
import numpy as np
import signal_strength
from PIL import Image

import gatedinpaint_jax
from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.layers import conv as conv_lib
from gatedinpaint_jax.layers import initializers
from gatedinpaint_jax.networks import inpaint_generator

_PHOTOS = pathlib.Path(gatedinpaint_jax.__file__).parent / "example_photos"
_PICTURES = 8

_SIZE = command.side("size", 64, "Side in pixels.")
_WIDTH = command.whole("width", 24, "Of the network, a multiple of 4.", least=4)
_CONVS = command.names(
  "convs", ["gated", "vanilla"], tuple(conv_lib.KINDS), "Kinds of layers."
)


def main(_):
  """Measures and prints one JSON line."""
  jax.config.update("jax_platforms", "cpu")
  found = {
    conv: {name: _measure(conv, name) for name in initializers.KINDS}
    for conv in _CONVS.value
  }
  machine.report("activations", {"root_mean_squares": found}, ["jax", "flax"])


def _measure(conv, initializer) -> dict[str, float]:
  generator = inpaint_generator.InpaintGenerator(
    width=_WIDTH.value, conv=conv, initializer=initializer
  )
  side = _SIZE.value
  paths = sorted(_PHOTOS.glob("train/*.jpg"))[:_PICTURES]
  images = [Image.open(path).resize((side, side)) for path in paths]
  image = batch_lib.from_uint8(np.float32(images))
  mask = np.zeros((_PICTURES, side, side, 1), np.float32)
  mask[:, side // 4 : -side // 4, side // 4 : -side // 4] = 1

  @jax.jit
  def measure(key):
    params = generator.init(key, image[:1], mask[:1])["params"]
    erased = batch_lib.erase(image, mask)
    return signal_strength.root_mean_squares(generator, params, erased, mask)

  found = jax.device_get(measure(jax.random.key(0)))
  return {layer: float(f"{value:.2g}") for layer, value in found.items()}


if __name__ == "__main__":
  command.run(main)
