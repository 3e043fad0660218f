"""The strength of the signal after each layer of a generator."""

import jax
import jax.numpy as jnp
from flax import traverse_util

from gatedinpaint_jax.layers import conv

_LAYERS = (conv.GatedConv, conv.PartialConv, conv.VanillaConv)


def root_mean_squares(generator, params, incomplete, mask, sketch=None):
  """Returns the root mean square of each layer's output, by layer name.

  For partial convolutions, only valid places count. The output layers, conv17
  and allconv17, are measured before their bound.

  Args:
    generator: an `InpaintGenerator`.
    params: its parameters.
    incomplete: pictures with their holes set to 0; see `batch.py`.
    mask: holes.
    sketch: lines inside the holes, if it is guided.
  """
  _, kept = generator.apply(
    {"params": params},
    incomplete,
    mask,
    sketch,
    capture_intermediates=lambda module, method: (
      isinstance(module, _LAYERS) and method == "__call__"
    ),
    mutable=["intermediates"],
  )
  outputs = traverse_util.flatten_dict(kept["intermediates"])
  # Not the gates, which each layer sows.
  calls = {
    tuple(layer): called[0]
    for (*layer, name), called in outputs.items()
    if name == "__call__"
  }
  counts_valid = generator.conv == "partial"
  return {
    ".".join(layer): _root_mean_square(y, valid if counts_valid else None)
    for layer, (y, valid) in calls.items()
  }


def _root_mean_square(y, valid) -> jax.Array:
  if valid is None:
    valid = jnp.ones((*y.shape[:3], 1))
  power = jnp.sum(jnp.square(y.astype(jnp.float32)) * valid)
  return jnp.sqrt(power / (jnp.maximum(jnp.sum(valid), 1) * y.shape[-1]))
