"""Multiply-adds of the networks, counted in their traced programs.

Each turn of a loop counts too, which XLA's own cost analysis leaves out.
Nothing is computed, so these are exact and the same everywhere: those of the
layers themselves, as accelerators compute them.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gatedinpaint_jax.networks import inpaint_generator, patch_discriminator


class Count(NamedTuple):
  """Multiply-adds.

  Attributes:
    convolutions: of all layers.
    attention: of its matrix products.
  """

  convolutions: int = 0
  attention: int = 0

  def plus(self, other, times=1):
    """Returns the sum with so many times another one."""
    return Count(*(a + times * b for a, b in zip(self, other, strict=True)))


def of_generator(size: int, *, width: int = 48) -> Count:
  """Returns those of one square picture."""
  generator = inpaint_generator.InpaintGenerator(width=width)
  return _count_network(generator, size)


def of_training_step(size: int, *, width: int = 48) -> int:
  """Returns those of one square picture in a step of both networks.

  The way back counts twice the way there, since it computes a gradient by the
  inputs of a layer and one by its kernel. So the generator counts three times.
  The discriminator counts six times for its own update, of two pictures, and
  twice for that of the generator, which needs no gradients by its kernels. At
  256 the convolutions of the step's program for a GPU are 0.6 % fewer, since
  first layers need no gradient by their inputs.
  """
  discriminator = patch_discriminator.PatchDiscriminator(width=4 * width // 3)
  scoring = _count_network(discriminator, size, update_stats=False)
  # What else it multiplies are vectors of the power iteration.
  return 3 * sum(of_generator(size, width=width)) + 8 * scoring.convolutions


def _count_network(network, size, **kwargs) -> Count:
  image = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
  mask = jax.ShapeDtypeStruct((1, size, size, 1), jnp.float32)
  call = lambda function: lambda *inputs: function(*inputs, **kwargs)
  key = jax.random.key(0)
  variables = jax.eval_shape(call(network.init), key, image, mask)
  traced = jax.make_jaxpr(call(network.apply))(variables, image, mask)
  return _count(traced.jaxpr)


def _count(jaxpr) -> Count:
  """Counts in a jaxpr."""
  total = Count()
  for equation in jaxpr.eqns:
    inner = [
      _count(jaxpr)
      for jaxpr in jax.tree.leaves(
        list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns")
      )
      if hasattr(jaxpr, "eqns")
    ]
    match equation.primitive.name:
      case "conv_general_dilated":
        total = total.plus(Count(convolutions=_of_convolution(equation)))
      case "dot_general":
        total = total.plus(Count(attention=_of_product(equation)))
      case "while" if any(map(sum, inner)):
        raise ValueError("a loop without a known number of turns multiplies")
      case name:
        times = equation.params["length"] if name == "scan" else 1
        for count in inner:
          total = total.plus(count, times)
  return total


def _of_convolution(equation) -> int:
  kernel = equation.invars[1].aval.shape
  # HWIO: each output sums over the taps and the channels in.
  return math.prod(equation.outvars[0].aval.shape) * math.prod(kernel[:-1])


def _of_product(equation) -> int:
  (axes, _), _ = equation.params["dimension_numbers"]
  shape = equation.invars[0].aval.shape
  summed = math.prod(shape[axis] for axis in axes)
  return math.prod(equation.outvars[0].aval.shape) * summed
