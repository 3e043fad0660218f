"""Gated, partial and vanilla convolution behind one signature.

Each is called as `(x, valid) -> (y, valid)`:

  x      `[B, H, W, C]` features
  valid  `[B, H, W, 1]`, 1 where a feature stems from known pixels and 0 where
         it does not, or None when every place is valid

Only the partial convolution reads `valid`, and returns it in the size of `y`;
the others hand it back as it came.
Padding is zeros around the picture so that the output has ceil(size / stride)
rows ("SAME" of TensorFlow: at stride 2 an even size is padded by one row less
above than below). Kernels are HWIO; they and biases are float32 and computed
with in `dtype`.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from gatedinpaint_jax.layers import (
  activations,
  convolution,
  initializers,
  upsampled_convolution,
)


class GatedConv(nn.Module):
  """A convolution that learns how much of each feature to let through.

  `activation(feature) * sigmoid(gate)`, where one convolution makes both: the
  first half of its channels is the feature, the second half the gate.

  Attributes:
    features: output channels; the convolution has twice as many.
    kernel_size: rows and columns of the kernel.
    stride: input pixels per output pixel.
    dilation: distance between the taps of the kernel.
    upsample: whether every pixel is repeated as a block of 2 x 2 before.
    activation: applied to the feature, not to the gate.
    dtype: of the computation and the output.
    initializer: a key of `initializers.KINDS`, the first draw of the kernel.

  Source: Yu et al. 2019, section 3.1.
  """

  features: int
  kernel_size: int = 3
  stride: int = 1
  dilation: int = 1
  upsample: bool = False
  activation: Callable[[jax.Array], jax.Array] = activations.elu
  dtype: Any = jnp.float32
  initializer: str = "variance_preserving"

  @nn.compact
  def __call__(self, x, valid=None):
    """Returns the gated features and `valid` as it came."""
    kernel, bias = _kernel_and_bias(
      self, x.shape[-1], 2 * self.features, gated=True
    )
    y = convolve(self, x, kernel) + bias
    feature, gate = jnp.split(y, 2, axis=-1)
    gate = nn.sigmoid(gate)
    self.sow("intermediates", "gate", gate)
    return self.activation(feature) * gate, valid


class VanillaConv(nn.Module):
  """An ordinary convolution: every place counts alike.

  Attributes:
    features: output channels.
    kernel_size: rows and columns of the kernel.
    stride: input pixels per output pixel.
    dilation: distance between the taps of the kernel.
    upsample: whether every pixel is repeated as a block of 2 x 2 before.
    activation: applied to the output; None for none.
    dtype: of the computation and the output.
    initializer: a key of `initializers.KINDS`, the first draw of the kernel.
  """

  features: int
  kernel_size: int = 3
  stride: int = 1
  dilation: int = 1
  upsample: bool = False
  activation: Callable[[jax.Array], jax.Array] | None = activations.elu
  dtype: Any = jnp.float32
  initializer: str = "variance_preserving"

  @nn.compact
  def __call__(self, x, valid=None):
    """Returns the features and `valid` as it came."""
    kernel, bias = _kernel_and_bias(self, x.shape[-1], self.features)
    y = convolve(self, x, kernel) + bias
    return _activate(self.activation, y), valid


class PartialConv(nn.Module):
  """A convolution over valid places only, scaled up for those it misses.

  A window with some valid places is weighted by (places inside the picture) /
  (valid places) and is valid itself afterwards; a window with none gives 0.
  With everything valid it equals `VanillaConv`, at the borders too.

  Attributes:
    features: output channels.
    kernel_size: rows and columns of the kernel.
    stride: input pixels per output pixel.
    dilation: distance between the taps of the kernel.
    upsample: whether every pixel is repeated as a block of 2 x 2 before.
    activation: applied to the output; None for none.
    dtype: of the computation and the output.
    initializer: a key of `initializers.KINDS`, the first draw of the kernel.

  Source: Liu et al. 2018, section 3.1, with one `valid` for all channels.
  """

  features: int
  kernel_size: int = 3
  stride: int = 1
  dilation: int = 1
  upsample: bool = False
  activation: Callable[[jax.Array], jax.Array] | None = activations.elu
  dtype: Any = jnp.float32
  initializer: str = "variance_preserving"

  @nn.compact
  def __call__(self, x, valid=None):
    """Returns the features and which of them are valid, `[B, H', W', 1]`."""
    kernel, bias = _kernel_and_bias(self, x.shape[-1], self.features)
    if valid is None:
      valid = jnp.ones((*x.shape[:-1], 1), self.dtype)
    places, valid_places = self._count(jnp.ones_like(valid)), self._count(valid)
    weight = places / jnp.maximum(valid_places, 1)
    y = convolve(self, x * valid, kernel)
    y = y * weight.astype(self.dtype) + bias
    valid = (valid_places > 0).astype(self.dtype)
    return _activate(self.activation, y * valid), valid

  def _count(self, valid):
    """Sums `valid` over each window; float32, so that it is exact."""
    window = jnp.ones((self.kernel_size, self.kernel_size, 1, 1), jnp.float32)
    return convolve(self, valid, window)


# config.model.conv -> (convolution of the hidden layers, of the output layer).
# The released program does not gate the layers that output colours.
KINDS = {
  "gated": (GatedConv, VanillaConv),
  "partial": (PartialConv, PartialConv),
  "vanilla": (VanillaConv, VanillaConv),
}


def convolve(module, x, kernel):
  """Convolves as a layer of this file does, without its bias.

  Args:
    module: the layer, which says how.
    x: `[B, H, W, I]`; of `module.upsample`, before it.
    kernel: `[K, K, I, O]`; the result is of its dtype.
  """
  way = upsampled_convolution if module.upsample else convolution
  return way.convolve(
    x.astype(kernel.dtype),
    kernel,
    stride=module.stride,
    dilation=module.dilation,
  )


def _kernel_and_bias(module, in_channels, out_channels, *, gated=False):
  """Declares both parameters; returns them in the dtype of `module`.

  The bias `[1, 1, 1, O]` has the rank of what it is added to.
  """
  size = module.kernel_size
  draw = initializers.KINDS[module.initializer]
  kernel = module.param(
    "kernel",
    draw(module.activation, gated=gated),
    (size, size, in_channels, out_channels),
  )
  bias = module.param("bias", nn.initializers.zeros_init(), (out_channels,))
  bias = bias.reshape(1, 1, 1, -1)
  return kernel.astype(module.dtype), bias.astype(module.dtype)


def _activate(activation, x):
  return x if activation is None else activation(x)
