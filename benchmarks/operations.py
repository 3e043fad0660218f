"""How many multiplications a picture takes, by its size.

  python benchmarks/operations.py [--sizes=256,512,1024,2048]

Counts multiply-adds in the traced generator at full width, each turn of a loop
too, which XLA's own cost analysis leaves out. Nothing is computed, so these are
exact and the same everywhere. Prints one JSON line; for each size, in 10^9:
`convolutions`; `attention`, whose matrix products are the others; and
`attention_by_definition`, every place with every other once, since attention in
pieces computes the scores at the edges of a piece again.
"""

import json
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import machine
from absl import app, flags

from gatedinpaint_jax.networks import inpaint_generator

_SIZES = flags.DEFINE_list(
  "sizes", ["256", "512", "1024", "2048"], "Sides in pixels."
)


# Of the features that the attention compares.
_CHANNELS = 96


class _Count(NamedTuple):
  """Multiply-adds."""

  convolutions: int = 0
  attention: int = 0

  def plus(self, other, times=1):
    """Returns the sum with so many times another one."""
    return _Count(*(a + times * b for a, b in zip(self, other, strict=True)))


def main(_):
  """Counts and prints one JSON line."""
  jax.config.update("jax_platforms", "cpu")
  sizes = {size: _count_for(int(size)) for size in _SIZES.value}
  print(
    json.dumps(
      {"benchmark": "operations", "sizes": sizes}
      | machine.describe(["jax", "jaxlib"])
    )
  )


def _count_for(size) -> dict:
  generator = inpaint_generator.InpaintGenerator()
  image = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
  mask = jax.ShapeDtypeStruct((1, size, size, 1), jnp.float32)
  params = jax.eval_shape(generator.init, jax.random.key(0), image, mask)
  jaxpr = jax.make_jaxpr(generator.apply)(params, image, mask).jaxpr
  places = (size // 8) ** 2
  count = _count(jaxpr)._asdict() | {
    # Patches of 3 x 3 are compared, and patches of 4 x 4 copied.
    "attention_by_definition": places**2 * (3 * 3 + 4 * 4) * _CHANNELS
  }
  return {name: round(value / 1e9, 1) for name, value in count.items()}


def _count(jaxpr) -> _Count:
  """Counts in a jaxpr."""
  total = _Count()
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
        total = total.plus(_Count(convolutions=_of_convolution(equation)))
      case "dot_general":
        total = total.plus(_Count(attention=_of_product(equation)))
      case "cond":
        # Of several ways to the same sums, one is the convolution itself.
        total = total.plus(max(inner))
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


if __name__ == "__main__":
  app.run(main)
