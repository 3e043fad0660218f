"""Layers of few channels on blocks of 2 x 2 pixels, for matrix units.

A TPU computes with 128 channels at a time, but the layers at full resolution
have 12 to 24 and fill a tenth of that. Here, the four pixels of a block are
channels of one place, and a convolution of pixels is one of blocks: its kernel
holds the taps of all four outputs, and zeros. Layers hand blocks to one another
and take the parameters of `layers.conv`, with which they agree up to the order
of sums.

The compiler for v5e estimates 16 million cycles instead of 43 for the last
three layers of a network (upsampling to colours, with the gradient, 16 pictures
of 256 x 256), and a quarter of the memory.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gatedinpaint_jax.layers import conv

_SIDE = 2  # of a block, in pixels
# Four times as many are 128.
_FEW_CHANNELS = 32
# Pictures with their masks: cheap to rearrange.
_FEW_INPUTS = 8


class Blocks(NamedTuple):
  """Features whose pixels are grouped.

  Attributes:
    array: `[B, H / 2, W / 2, 4 C]`; channels count row and column within the
      block, then features.
  """

  array: jax.Array

  @property
  def shape(self) -> tuple[int, int, int, int]:
    """That of the pixels, `(B, H, W, C)`."""
    batch, rows, columns, channels = self.array.shape
    return batch, _SIDE * rows, _SIDE * columns, channels // _SIDE**2

  def astype(self, dtype) -> "Blocks":
    """As that of an array."""
    return Blocks(self.array.astype(dtype))


def to_blocks(x) -> Blocks:
  """Groups the pixels of `[B, H, W, C]`."""
  batch, height, width, channels = x.shape
  x = x.reshape(batch, height // 2, 2, width // 2, 2, channels)
  x = x.transpose(0, 1, 3, 2, 4, 5)
  return Blocks(x.reshape(batch, height // 2, width // 2, 4 * channels))


def to_pixels(x: Blocks):
  """Undoes `to_blocks`."""
  batch, height, width, channels = x.shape
  pixels = x.array.reshape(batch, height // 2, width // 2, 2, 2, channels)
  return pixels.transpose(0, 1, 3, 2, 4, 5).reshape(x.shape)


def convolve(x, kernel, *, stride=1, dilation=1, upsample=False):
  """Equals `layers.conv.convolve`; a first layer sees its pictures in blocks.

  Takes and returns pixels.
  """
  is_even = x.shape[1] % 2 == x.shape[2] % 2 == 0
  is_first = stride == 2 and dilation == 1 and kernel.shape[2] <= _FEW_INPUTS
  if is_first and is_even:
    return _convolve(to_blocks(x), kernel, stride=2)
  return conv.convolve(
    x, kernel, stride=stride, dilation=dilation, upsample=upsample
  )


class _OnBlocks:
  """Lets a layer take and return `Blocks` instead of pixels."""

  def __call__(self, x, valid=None):
    """As in `layers.conv`, but `x` and `y` may be `Blocks`."""
    if isinstance(x, Blocks) and not self._takes_blocks():
      x = to_pixels(x)
    gives_blocks = self._gives_blocks(x)
    if gives_blocks and not isinstance(x, Blocks) and not self.upsample:
      x = to_blocks(x)
    y, valid = super().__call__(x, valid)
    return Blocks(y) if gives_blocks else y, valid

  def _takes_blocks(self):
    if self.dilation > 1 or self.upsample:
      return False
    return self.stride == 2 or self.features <= _FEW_CHANNELS

  def _gives_blocks(self, x):
    if self.stride > 1 or self.dilation > 1 or self.features > _FEW_CHANNELS:
      return False
    if isinstance(x, Blocks) or self.upsample:
      return True
    # The first layers have 5 x 5 taps; narrow networks have more few inputs.
    return self.kernel_size == 5 and x.shape[-1] <= _FEW_INPUTS

  def _linear(self, x, out_channels, *, gated=False):
    gives_blocks = self._gives_blocks(x)
    if not (gives_blocks or isinstance(x, Blocks)):
      return super()._linear(x, out_channels, gated=gated)
    kernel, bias = self._kernel_and_bias(x.shape[-1], out_channels, gated=gated)
    # Features and gates stay apart, so that they can be split.
    groups = 2 if gated else 1
    y = _convolve(
      x.astype(kernel.dtype),
      kernel,
      stride=self.stride,
      upsample=self.upsample,
      to_blocks=gives_blocks,
      groups=groups,
    )
    pixels = _SIDE**2 if gives_blocks else 1
    bias = jnp.tile(bias.reshape(groups, 1, -1), (1, pixels, 1))
    return y + bias.reshape(1, 1, 1, -1)


class GatedConv(_OnBlocks, conv.GatedConv):
  """Equals `layers.conv.GatedConv`."""


class VanillaConv(_OnBlocks, conv.VanillaConv):
  """Equals `layers.conv.VanillaConv`."""


class ToColours(VanillaConv):
  """Equals `layers.conv.VanillaConv`, and returns pixels."""

  def __call__(self, x, valid=None):
    """As in `layers.conv`, but `x` may be `Blocks`."""
    y, valid = super().__call__(x, valid)
    return to_pixels(y) if isinstance(y, Blocks) else y, valid


# As `layers.conv.KINDS`. Partial convolution has further sums over pixels.
KINDS = conv.KINDS.copy(
  {
    "gated": (GatedConv, ToColours),
    "vanilla": (VanillaConv, ToColours),
  }
)


def _convolve(x, kernel, *, stride, upsample=False, to_blocks=False, groups=1):
  """Convolves pixels or `Blocks` and returns an array of pixels or blocks.

  The output channels of the kernel are so many groups, which stay the outermost
  channels of blocks.
  """
  from_side = _SIDE if isinstance(x, Blocks) else 1
  to_side = _SIDE if to_blocks else 1
  x = x.array if isinstance(x, Blocks) else x
  taps, first = _taps(kernel.shape[0], stride, upsample, from_side, to_side)
  step = stride * to_side // (from_side * (2 if upsample else 1))
  _, _, in_channels, out_channels = kernel.shape
  # p, q: taps of blocks; c, d: pixels of the input's block; a, b: pixels of the
  # output's; t, u: taps of pixels; i: input channels; g, o: output channels.
  kernels = jnp.einsum(
    "pcat,qdbu,tuigo->pqcdigabo",
    taps,
    taps,
    kernel.reshape(*kernel.shape[:3], groups, -1).astype(jnp.float32),
    precision=lax.Precision.HIGHEST,  # else bfloat16, on a TPU
  ).astype(kernel.dtype)
  length = len(taps)
  return lax.conv_general_dilated(
    x,
    kernels.reshape(
      length, length, from_side**2 * in_channels, to_side**2 * out_channels
    ),
    (step, step),
    [(-first, length + first - step)] * 2,
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
  )


def _taps(size, stride, upsample, from_side, to_side):
  """Returns which taps of pixels the taps of blocks hold, along one axis.

  Args:
    size: taps of the kernel of pixels.
    stride: input pixels per output pixel.
    upsample: whether each pixel is repeated first.
    from_side: pixels of a block of the input.
    to_side: pixels of a block of the output.

  Returns:
    `[P, from_side, to_side, size]`, 1 where tap p of blocks sees input pixel c
    of its block by tap t of output pixel a; and the place of tap 0.
  """
  padding = (size - stride) // 2  # "SAME" for even sizes
  a, t = np.indices((to_side, size))
  seen = stride * a + t - padding
  if upsample:
    seen = seen // 2
  block, pixel = np.divmod(seen, from_side)
  first = block.min()
  taps = np.zeros((np.ptp(block) + 1, from_side, to_side, size), np.float32)
  taps[block - first, pixel, a, t] = 1
  return taps, int(first)
