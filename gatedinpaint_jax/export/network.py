"""The generator as plain functions of arrays, for other runtimes.

  complete(image, mask[, sketch]) -> completed

  image      `[B, H, W, C] float32 in [-1, 1]`; ignored in the hole
  mask       `[B, H, W, 1] float32`, 1 = hole, 0 = known
  sketch     `[B, H, W, 1] float32`, 1 = line, only for guided models; ignored
             outside the hole
  completed  `[B, H, W, C] float32`: `image` with its holes filled

H and W are multiples of 8. The channels are RGB, or those that the model was
trained on; -1 and 1 are the ends of their range. Missing values are holes, with
any finite number in the image. The computation is in float32, regardless of the
dtype in training.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
from flax import linen as nn
from jax import export

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import build, files
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.fast import attention
from gatedinpaint_jax.layers import conv
from gatedinpaint_jax.networks import inpaint_generator
from gatedinpaint_jax.training import checkpoint_reader
from gatedinpaint_jax.weights import safetensors_file
from gatedinpaint_jax.weights import source as weights_source

# Channels that convolutions on CPUs compute at once.
_CHANNELS_AT_ONCE = 16


class Network(NamedTuple):
  """A generator with its parameters."""

  generator: nn.Module  # from `build.build_networks`
  params: Any
  source: str  # where they come from, for messages
  values: values_lib.Values = values_lib.PHOTOGRAPHS


def load(path) -> Network:
  """Loads the generator of a checkpoint or a file of `export_weights`."""
  path = files.expand(path)
  if path.suffix == safetensors_file.SUFFIX and path.is_file():
    weights = weights_source.load_weights(path)
    config = {"model": weights.model, "data": weights.data}
    generator, _ = build.build_networks(ml_collections.ConfigDict(config))
    params, source = weights.trees["generator"], path
  else:
    saved = checkpoint_reader.read(path)
    generator = checkpoint_reader.build_generator(saved)
    params, source, config = saved.generator, saved.folder, saved.config
  values = values_lib.from_config(config)
  return Network(in_float32(generator), params, str(source), values)


def in_float32(generator):
  """Returns the generator to export, without optimizations for one machine."""
  fields = {"convolve": conv.convolve}
  if isinstance(generator, inpaint_generator.InpaintGenerator):
    fields |= {"attend": attention.attend, "kinds": conv.KINDS}
  return generator.clone(dtype=jnp.float32, rematerialize=False, **fields)


def complete(network: Network) -> Callable:
  """Returns the function described in the module docstring."""

  def complete(image, mask, sketch=None):
    output = network.generator.apply(
      {"params": network.params},
      batch_lib.erase(image, mask),
      mask,
      None if sketch is None else sketch * mask,
    )
    return batch_lib.composite(output.refined, image, mask)

  return complete


def inputs(network: Network, *, height=None, width=None) -> dict[str, Any]:
  """Returns {name: shape and dtype} of the inputs of `complete`.

  Without `height` or `width`, the side may be any multiple of 8.
  """
  batch, rows, columns = export.symbolic_shape("batch, 8*rows, 8*columns")
  sides = (height or rows, width or columns)
  plane = jax.ShapeDtypeStruct((batch, *sides, 1), jnp.float32)
  channels = network.generator.channels
  image = jax.ShapeDtypeStruct((batch, *sides, channels), jnp.float32)
  guide = {"sketch": plane} if network.generator.guided else {}
  return {"image": image, "mask": plane, **guide}


def with_separate_gates(function: Callable) -> Callable:
  """Returns a function of a generator with a separate convolution per gate.

  A gated convolution computes features and gates at once and splits the result.
  Runtimes that fuse activations into convolutions but copy to split are faster
  with two convolutions, if both have enough channels. Values are the same.
  """

  def convolve_twice(call, args, kwargs, context):
    module = context.module
    if (
      not isinstance(module, conv.GatedConv)
      or context.method_name != "__call__"
      or module.features % _CHANNELS_AT_ONCE
    ):
      return call(*args, **kwargs)
    x, valid = (*args, None)[:2]
    params = module.variables["params"]
    feature, gate = (
      module.convolve_with(x, kernel) + bias.reshape(1, 1, 1, -1)
      for kernel, bias in zip(
        jnp.split(params["kernel"], 2, axis=-1),
        jnp.split(params["bias"], 2),
        strict=True,
      )
    )
    return module.activation(feature) * nn.sigmoid(gate), valid

  return nn.intercept_methods(convolve_twice)(function)
