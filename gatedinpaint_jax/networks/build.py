"""config.model -> generator and discriminator, and nothing else."""

import jax.numpy as jnp

from gatedinpaint_jax import errors
from gatedinpaint_jax.layers import conv
from gatedinpaint_jax.networks import inpaint_generator, patch_discriminator

_DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


def build_networks(config):
  """Builds the two networks that `config.model` describes.

  Args:
    config: the whole config, as in `configs/places2.py`.

  Returns:
    `(InpaintGenerator, PatchDiscriminator)`, without parameters.

  Raises:
    UserError: if a value is not allowed.
  """
  model = config.model
  errors.check_choice("config.model.conv", model.conv, conv.KINDS)
  errors.check_choice("config.model.dtype", model.dtype, _DTYPES)
  if model.width < 4 or model.width % 4:
    raise errors.UserError(
      f"config.model.width={model.width}: must be a multiple of 4 (the paper's "
      "is 48)"
    )
  generator = inpaint_generator.InpaintGenerator(
    width=model.width,
    conv=model.conv,
    guided=model.guided,
    dtype=_DTYPES[model.dtype],
    # Of training alone: checkpoints of imported weights do not have it.
    rematerialize="rematerialize" in model and model.rematerialize,
  )
  discriminator = patch_discriminator.PatchDiscriminator(
    width=4 * model.width // 3, dtype=_DTYPES[model.dtype]
  )
  return generator, discriminator
