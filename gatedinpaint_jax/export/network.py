"""The generator as plain functions of arrays, for other runtimes.

  complete(image, mask[, sketch]) -> completed

  image      `[B, H, W, 3] float32 in [-1, 1]`; what is in the hole is not used
  mask       `[B, H, W, 1] float32`, 1 = hole, 0 = known
  sketch     `[B, H, W, 1] float32`, 1 = line, only for guided models; what is
             outside the hole is not used
  completed  `[B, H, W, 3] float32`: `image` with its holes filled

H and W are multiples of 8. The computation is float32, whatever the model was
trained in.
"""

import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
from flax import linen as nn
from jax import export

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import build
from gatedinpaint_jax.fast import attention
from gatedinpaint_jax.layers import conv
from gatedinpaint_jax.networks import inpaint_generator
from gatedinpaint_jax.training import checkpoint_reader
from gatedinpaint_jax.weights import safetensors_file
from gatedinpaint_jax.weights import source as weights_source

# Channels that the processors' convolutions compute at once.
_CHANNELS_AT_ONCE = 16


class Network(NamedTuple):
  """A generator with its parameters.

  Attributes:
    generator: of `build.build_networks`.
    params: its parameters.
    source: where they come from, for people.
  """

  generator: nn.Module
  params: Any
  source: str


def read(path) -> Network:
  """Reads the generator of a checkpoint.

  Args:
    path: what `checkpoint_reader.find` takes, or a `.safetensors` file that
      `export_weights` wrote.

  Raises:
    UserError: if nothing that can be read is there.
  """
  path = pathlib.Path(path).expanduser()
  if path.suffix == safetensors_file.SUFFIX and path.is_file():
    return _read_safetensors(path)
  saved = checkpoint_reader.read(path)
  generator = checkpoint_reader.build_generator(saved)
  return Network(in_float32(generator), saved.generator, str(saved.folder))


def in_float32(generator):
  """Returns the generator as it is exported, in the forms for any machine."""
  forms = {"convolve": conv.convolve}
  if isinstance(generator, inpaint_generator.InpaintGenerator):
    forms["attend"] = attention.attend_by_size
  return generator.clone(dtype=jnp.float32, rematerialize=False, **forms)


def complete(network: Network) -> Callable:
  """Returns the function of the module docstring."""

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
  """Describes the inputs of `complete` by their names.

  Args:
    network: whose.
    height: rows of the pictures; None if they are free.
    width: columns of the pictures; None if they are free.
  """
  batch, rows, columns = export.symbolic_shape("batch, 8*rows, 8*columns")
  sides = (height or rows, width or columns)
  plane = jax.ShapeDtypeStruct((batch, *sides, 1), jnp.float32)
  image = jax.ShapeDtypeStruct((batch, *sides, 3), jnp.float32)
  planes = {"mask": plane} | ({"sketch": plane} if guided(network) else {})
  return {"image": image, **planes}


def guided(network: Network) -> bool:
  """Returns whether the network takes a sketch."""
  return network.generator.guided


def with_separate_gates(function: Callable) -> Callable:
  """Returns a function of a generator with each gate's convolution on its own.

  A gated convolution makes features and gates at once and splits them. Runtimes
  that append activations to a convolution but copy what they split are quicker
  with two convolutions, if both have channels enough. Values stay the same.
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

  def function_with_separate_gates(*args):
    with nn.intercept_methods(convolve_twice):
      return function(*args)

  return function_with_separate_gates


def _read_safetensors(path):
  weights = weights_source.read(path)
  config = ml_collections.ConfigDict({"model": weights.model})
  generator, _ = build.build_networks(config)
  return Network(in_float32(generator), weights.trees["generator"], str(path))
