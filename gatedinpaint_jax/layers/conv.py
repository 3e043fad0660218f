"""Gated, partial and vanilla convolution behind one signature.

Each is called as `(x, valid) -> (y, valid)`:

  x      `[B, H, W, C]` features
  valid  `[B, H, W, 1]`, 1 where a feature is computed from known pixels and 0
         elsewhere, or None when every place is valid

Only the partial convolution reads `valid` and returns it in the size of `y`;
the others return it unchanged.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.core import FrozenDict
from jax import lax

from gatedinpaint_jax.layers import activations, initializers, resize


def convolve(x, kernel, *, stride=1, dilation=1, upsample=False):
  """Returns `x` convolved with `kernel`, with zeros around the picture.

  The output `[B, H', W', O]` has ceil(size / stride) rows and columns
  (TensorFlow's "SAME": at stride 2, an even size gets one row of zeros less
  above than below).

  Args:
    x: `[B, H, W, I]`, float.
    kernel: `[K, L, I, O]`, of the same dtype.
    stride: input pixels per output pixel.
    dilation: distance between the taps of the kernel.
    upsample: whether every pixel is first repeated as a block of 2 x 2.
  """
  if upsample:
    x = resize.upsample_x2(x)
  return lax.conv_general_dilated(
    x,
    kernel,
    (stride, stride),
    "SAME",
    rhs_dilation=(dilation, dilation),
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
  )


class _Conv(nn.Module):
  """Common base of the three kinds of convolution."""

  features: int  # output channels
  kernel_size: int = 3  # rows and columns
  stride: int = 1
  dilation: int = 1
  upsample: bool = False
  activation: Callable[[jax.Array], jax.Array] | None = activations.elu
  dtype: Any = jnp.float32  # of the output; kernel and bias are float32
  initializer: str = "variance_preserving"  # a key of `initializers.KINDS`
  convolve: Callable[..., jax.Array] = convolve  # or its equal in `fast`

  def convolve_with(self, x, kernel):
    """Convolves `x` as this layer does, in the dtype of `kernel`."""
    return self.convolve(
      x.astype(kernel.dtype),
      kernel,
      stride=self.stride,
      dilation=self.dilation,
      upsample=self.upsample,
    )

  def _kernel_and_bias(self, in_channels, out_channels, *, gated=False):
    """Declares both and casts them to the dtype of the computation."""
    draw = initializers.KINDS[self.initializer](self.activation, gated=gated)
    window = (self.kernel_size, self.kernel_size)
    kernel = self.param("kernel", draw, (*window, in_channels, out_channels))
    bias = self.param("bias", nn.initializers.zeros_init(), (out_channels,))
    bias = bias.reshape(1, 1, 1, -1)
    return kernel.astype(self.dtype), bias.astype(self.dtype)

  def _linear(self, x, out_channels, *, gated=False):
    """Returns the layer without its activation."""
    kernel, bias = self._kernel_and_bias(x.shape[-1], out_channels, gated=gated)
    return self.convolve_with(x, kernel) + bias

  def _activate(self, x):
    return x if self.activation is None else self.activation(x)


class GatedConv(_Conv):
  """A convolution that learns how much of each feature to let through.

  The output is `activation(feature) * sigmoid(gate)`. A single convolution with
  twice as many channels computes both: the feature first, then the gate.

  Source: Yu et al. 2019, section 3.1.
  """

  @nn.compact
  def __call__(self, x, valid=None):
    """Returns the gated features and `valid` unchanged."""
    y = self._linear(x, 2 * self.features, gated=True)
    feature, gate = jnp.split(y, 2, axis=-1)
    gate = nn.sigmoid(gate)
    self.sow("intermediates", "gate", gate)
    return self._activate(feature) * gate, valid


class VanillaConv(_Conv):
  """An ordinary convolution, which ignores `valid`."""

  @nn.compact
  def __call__(self, x, valid=None):
    """Returns the features and `valid` unchanged."""
    return self._activate(self._linear(x, self.features)), valid


class PartialConv(_Conv):
  """A convolution over valid places only, scaled up for the missing ones.

  The sum over a window is multiplied by (places inside the picture) / (valid
  places), and its output is valid. A window without valid places gives 0.
  If every place is valid, this equals `VanillaConv`, also at the borders.

  Source: Liu et al. 2018, section 3.1, with one `valid` for all channels.
  """

  @nn.compact
  def __call__(self, x, valid=None):
    """Returns the features and which of them are valid, `[B, H', W', 1]`."""
    kernel, bias = self._kernel_and_bias(x.shape[-1], self.features)
    if valid is None:
      valid = jnp.ones((*x.shape[:-1], 1), self.dtype)
    places, valid_places = self._count(jnp.ones_like(valid)), self._count(valid)
    weight = places / jnp.maximum(valid_places, 1)
    y = self.convolve_with(x * valid, kernel)
    y = y * weight.astype(self.dtype) + bias
    valid = (valid_places > 0).astype(self.dtype)
    return self._activate(y * valid), valid

  def _count(self, valid):
    """Sums `valid` over each window, in float32 to be exact."""
    window = jnp.ones((self.kernel_size, self.kernel_size, 1, 1), jnp.float32)
    return self.convolve_with(valid, window)


# config.model.conv -> (convolution of the hidden layers, of the output layer).
# The released program does not gate the layers that output colours.
KINDS = FrozenDict(
  {
    "gated": (GatedConv, VanillaConv),
    "partial": (PartialConv, PartialConv),
    "vanilla": (VanillaConv, VanillaConv),
  }
)
