"""config.model -> generator and discriminator.

Here, and only here, the networks get the fast forms of their layers.
"""

import jax
import jax.numpy as jnp
import ml_collections
from flax import linen as nn

from gatedinpaint_jax import config_ranges, errors
from gatedinpaint_jax.baselines import completion_network, critics
from gatedinpaint_jax.fast import attention, block_conv, convolution
from gatedinpaint_jax.layers import conv, initializers
from gatedinpaint_jax.networks import inpaint_generator, patch_discriminator

_DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}
_GENERATORS = ("inpaint", "completion")
# Without a discriminator, only the losses of pixels are left.
_DISCRIMINATORS = {
  "patch": patch_discriminator.PatchDiscriminator,
  "global_and_local_critics": critics.GlobalAndLocalCritics,
  "global_local": critics.GlobalLocalDiscriminator,
  "none": None,
}
# Keys that older configs and checkpoints of imported weights lack.
DEFAULTS = {
  "channels": 3,
  "generator": "inpaint",
  "bound": "tanh",
  "initializer": "variance_preserving",
  "discriminator": "patch",
  "discriminator_width": None,
  "rematerialize": False,
}


def build_networks(
  config, *, platform: str | None = None
) -> tuple[nn.Module, nn.Module | None]:
  """Builds the generator and, if any, the discriminator of `config.model`.

  They run fastest on `platform`: "cpu", "gpu" or "tpu", by default that of
  JAX's default device, whose backend this starts. Results are equal on all.

  Raises:
    UserError: if a value is not allowed.
  """
  model = ml_collections.ConfigDict(DEFAULTS | dict(config.model))
  config_ranges.check(model, section="model.")
  for key, choices in (
    ("conv", conv.KINDS),
    ("dtype", _DTYPES),
    ("generator", _GENERATORS),
    ("bound", inpaint_generator.BOUNDS),
    ("initializer", initializers.KINDS),
    ("discriminator", _DISCRIMINATORS),
  ):
    errors.check_choice(f"config.model.{key}", model[key], choices)
  if model.width % 4:
    raise errors.UserError(
      f"config.model.width={model.width}: must be a multiple of 4 (the "
      "paper's is 48)"
    )
  convolve, attend, kinds = forms(platform or jax.default_backend())
  layer = {"dtype": _DTYPES[model.dtype], "convolve": convolve}
  discriminator = _DISCRIMINATORS[model.discriminator]
  if discriminator is not None:
    discriminator = discriminator(width=discriminator_width(model), **layer)
  return _build_generator(model, attend, kinds, layer), discriminator


def forms(platform: str):
  """Returns the fastest `(convolve, attend, kinds of layers)` of a platform."""
  if platform == "cpu":
    return convolution.convolve, attention.attend_on_cpu, conv.KINDS
  if platform == "tpu":
    return block_conv.convolve, attention.attend, block_conv.KINDS
  return conv.convolve, attention.attend, conv.KINDS


def discriminator_width(model) -> int:
  """Returns the channels of the discriminator's first layer."""
  if model["discriminator_width"] is None:
    return 4 * model["width"] // 3
  return model["discriminator_width"]


def _build_generator(model, attend, kinds, layer):
  if model.generator == "inpaint":
    return inpaint_generator.InpaintGenerator(
      width=model.width,
      channels=model.channels,
      conv=model.conv,
      guided=model.guided,
      rematerialize=model.rematerialize,
      bound=model.bound,
      initializer=model.initializer,
      attend=attend,
      kinds=kinds,
      **layer,
    )
  for key, only in (("guided", False), ("conv", "vanilla")):
    if model[key] != only:
      raise errors.UserError(
        f"config.model.{key}={model[key]}: must be {only} for "
        f"config.model.generator={model.generator}"
      )
  return completion_network.CompletionNetwork(
    width=model.width,
    channels=model.channels,
    rematerialize=model.rematerialize,
    **layer,
  )
