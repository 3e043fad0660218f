"""The completion network of Global&Local: a single dilated encoder-decoder.

Source: Iizuka et al. 2017, section 3.2 and table 1.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from gatedinpaint_jax.baselines import batch_norm
from gatedinpaint_jax.layers import conv
from gatedinpaint_jax.networks import inpaint_generator

_DILATIONS = (2, 4, 8, 16)


class CompletionNetwork(nn.Module):
  """Fills holes in one pass, without coarse prediction or attention.

  The fields are those of `InpaintGenerator`.
  """

  guided = False  # takes no sketch
  width: int = 64  # channels of the first layer
  channels: int = 3  # of the pictures
  dtype: Any = jnp.float32
  rematerialize: bool = False
  convolve: Callable = conv.convolve

  @nn.compact
  def __call__(
    self, incomplete, mask, sketch=None, *, padding=None
  ) -> inpaint_generator.GeneratorOutput:
    """Fills the holes, as `InpaintGenerator` does.

    Takes no sketch. Ignores `padding`, since no attention could copy from it.
    Returns the prediction as both `coarse` and `refined`, and offsets of 0.
    """
    inpaint_generator.check_inputs(incomplete, sketch, self)
    shared = {"dtype": self.dtype, "convolve": self.convolve}
    block = nn.remat(_Block) if self.rematerialize else _Block
    block = functools.partial(block, **shared)
    c = self.width
    x = jnp.concatenate([incomplete, mask], axis=-1).astype(self.dtype)
    x = block(c, kernel_size=5, name="conv1")(x)
    x = block(2 * c, stride=2, name="conv2_downsample")(x)
    x = block(2 * c, name="conv3")(x)
    x = block(4 * c, stride=2, name="conv4_downsample")(x)
    x = block(4 * c, name="conv5")(x)
    x = block(4 * c, name="conv6")(x)
    for index, dilation in enumerate(_DILATIONS, start=7):
      x = block(4 * c, dilation=dilation, name=f"conv{index}_atrous")(x)
    x = block(4 * c, name="conv11")(x)
    x = block(4 * c, name="conv12")(x)
    x = block(2 * c, is_transposed=True, name="conv13_upsample")(x)
    x = block(2 * c, name="conv14")(x)
    x = block(c, is_transposed=True, name="conv15_upsample")(x)
    x = block(c // 2, name="conv16")(x)
    x, _ = conv.VanillaConv(
      self.channels, activation=None, name="conv17", **shared
    )(x)
    # The paper's sigmoid, rescaled to [-1, 1].
    prediction = 2 * nn.sigmoid(x.astype(jnp.float32)) - 1
    batch, height, width, _ = incomplete.shape
    offsets = jnp.zeros((batch, height // 8, width // 8, 2), jnp.int32)
    return inpaint_generator.GeneratorOutput(prediction, prediction, offsets)


class _Block(nn.Module):
  """Convolution, batch normalization and ReLU.

  With `is_transposed`, a 4 x 4 deconvolution that doubles the resolution.
  """

  features: int
  kernel_size: int = 3
  stride: int = 1
  dilation: int = 1
  is_transposed: bool = False
  dtype: Any = jnp.float32
  convolve: Callable = conv.convolve

  @nn.compact
  def __call__(self, x):
    if self.is_transposed:
      x = nn.ConvTranspose(
        self.features,
        kernel_size=(4, 4),
        strides=(2, 2),
        dtype=self.dtype,
        kernel_init=nn.initializers.glorot_uniform(),
        name="conv",
      )(x)
    else:
      x, _ = conv.VanillaConv(
        self.features,
        kernel_size=self.kernel_size,
        stride=self.stride,
        dilation=self.dilation,
        activation=None,
        dtype=self.dtype,
        convolve=self.convolve,
        name="conv",
      )(x)
    return nn.relu(batch_norm.BatchNorm(name="norm")(x))
