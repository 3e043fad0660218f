"""Functions of JAX as StableHLO, which JAX and XLA run without this package.

  exported = jax.export.deserialize(bytearray(open("P.stablehlo", "rb").read()))
  completed = exported.call(image, mask)

`exported.mlir_module_serialized` is the StableHLO alone, for other compilers.
"""

from collections.abc import Callable, Mapping

import jax
from jax import export

# A file serves all of these.
_PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def convert(
  function: Callable, inputs: Mapping[str, jax.ShapeDtypeStruct]
) -> export.Exported:
  """Returns a function compiled for no size and no machine in particular.

  Args:
    function: takes arrays and returns arrays.
    inputs: what it takes, in that order; sizes may be symbolic.
  """
  convert = export.export(jax.jit(function), platforms=_PLATFORMS)
  return convert(*inputs.values())


def computes_in_pieces(exported: export.Exported) -> bool:
  """Whether the attention goes over the picture in a loop: it has the only one.

  Otherwise it holds all of its scores at once.
  """
  return "stablehlo.while" in exported.mlir_module()
