"""SN-PatchGAN: a discriminator that scores every patch and channel.

Source: Yu et al. 2019, section 3.2; Miyato et al. 2018 (spectral norm).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from gatedinpaint_jax.layers import conv as conv_lib

# The collection of the power iteration. Per layer: `u [1, O]`, the running
# left singular vector, and `sigma []`, the latest estimate of the norm.
SPECTRAL = "spectral"


class PatchDiscriminator(nn.Module):
  """Six strided convolutions with spectral norm; each output is a score."""

  # Channels of the first layer; the others have 2 and 4 times as many.
  width: int = 64
  # Of the convolutions; parameters, spectral norm and scores are float32.
  dtype: Any = jnp.float32
  convolve: Callable = conv_lib.convolve  # or its equal in `fast`

  @nn.compact
  def __call__(self, image, mask, sketch=None, *, update_stats: bool):
    """Scores pictures, real or completed.

    Args:
      image: pictures; see `batch.py` for shapes and ranges.
      mask: where their holes are or would be.
      sketch: lines inside the holes, for guided models.
      update_stats: whether to keep the step of power iteration that every call
        makes; the collection `SPECTRAL` must be mutable then.

    Returns:
      `[B, N] float32`, N scores of every picture, above 0 for real.
    """
    sketches = [] if sketch is None else [sketch]
    x = jnp.concatenate([image, mask, *sketches], axis=-1)
    multiples = (1, 2, 4, 4, 4, 4)
    for index, multiple in enumerate(multiples, start=1):
      conv = strided_conv(
        multiple * self.width,
        dtype=self.dtype,
        convolve=self.convolve,
        name=f"conv{index}",
      )
      norm = nn.SpectralNorm(
        conv, collection_name=SPECTRAL, name=f"conv{index}_norm"
      )
      # The paper does not activate the scores; the released program does.
      x = nn.leaky_relu(norm(x, update_stats=update_stats), 0.2)
    return x.reshape(x.shape[0], -1).astype(jnp.float32)


def strided_conv(features, *, dtype, convolve, name) -> nn.Conv:
  """Returns the 5 x 5 convolution of stride 2 of discriminators."""
  return nn.Conv(
    features,
    kernel_size=(5, 5),
    strides=2,
    kernel_init=nn.initializers.glorot_uniform(),
    conv_general_dilated=lambda x, kernel, strides, *_, **__: convolve(
      x, kernel, stride=strides[0]
    ),
    dtype=dtype,
    name=name,
  )


def spectral_norms(spectral) -> dict[str, jax.Array]:
  """Returns the norm `sigma []` of each layer's kernel, by layer name."""
  names = [name.removesuffix("_norm") for name in spectral]
  return {n: spectral[f"{n}_norm"][f"{n}/kernel/sigma"] for n in names}
