"""Converts functions of JAX to StableHLO, which runs without this package.

  exported = jax.export.deserialize(bytearray(open("P.stablehlo", "rb").read()))
  completed = exported.call(image, mask)

`exported.mlir_module_serialized` is the bare StableHLO, for other compilers.
"""

from collections.abc import Callable, Mapping

import jax
from jax import export

# Every file supports all of these.
_PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def convert(
  function: Callable, inputs: Mapping[str, jax.ShapeDtypeStruct]
) -> export.Exported:
  """Converts a function of arrays; sizes of its `inputs` may be symbolic."""
  convert = export.export(jax.jit(function), platforms=_PLATFORMS)
  return convert(*inputs.values())


def computes_in_pieces(exported: export.Exported) -> bool:
  """Returns whether the attention is computed in a loop over pieces."""
  # There is no other loop.
  return "stablehlo.while" in exported.mlir_module()
