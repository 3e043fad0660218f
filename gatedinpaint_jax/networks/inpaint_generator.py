"""The generator: a coarse network fills the hole, a second one refines it.

Layers are named as in the released program. All sizes follow from `width`: the
convolution channels of the first layer, half of which are gates in a gated
convolution. The paper uses width 48.

Source: Yu et al. 2019, section 3.3 and figure 3.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.layers import contextual_attention, resize
from gatedinpaint_jax.layers import conv as conv_lib

# DeepFill v1 clips: Yu et al. 2018, section 3.1.
BOUNDS = {"tanh": jnp.tanh, "clip": functools.partial(jnp.clip, min=-1, max=1)}


class GeneratorOutput(NamedTuple):
  """Raw predictions of both networks; known pixels are predicted too."""

  coarse: jax.Array  # `[B, H, W, C] float32 in [-1, 1]`
  refined: jax.Array  # the same, after the second network
  # `[B, H/8, W/8, 2] int32`, how far away the attention copied from, in (rows,
  # columns) of that grid.
  offsets: jax.Array
  # `[B, P, P] float32`, with `returns_attention`: the weight of each place to
  # copy from (columns) for each place to fill (rows), P = H/8 * W/8 places in
  # row-major order. None if the attention was computed in parts.
  attention: jax.Array | None = None


class InpaintGenerator(nn.Module):
  """Both networks, coarse then refinement."""

  width: int = 48  # convolution channels of the first layer, a multiple of 4
  channels: int = 3  # of the pictures
  conv: str = "gated"  # a key of `layers.conv.KINDS`
  guided: bool = False  # whether a sketch is an input of the coarse network
  dtype: Any = jnp.float32  # of the computation, not of parameters and outputs
  # Whether the backward pass recomputes the hidden layers from their inputs
  # instead of storing their intermediate results.
  rematerialize: bool = False
  bound: str = "tanh"  # a key of `BOUNDS`, which keeps predictions in [-1, 1]
  initializer: str = "variance_preserving"  # a key of `initializers.KINDS`
  convolve: Callable = conv_lib.convolve  # or its equal in `fast`
  attend: Callable = contextual_attention.attend  # likewise
  kinds: Any = conv_lib.KINDS  # likewise
  returns_attention: bool = False  # whether the output holds its weights

  @nn.compact
  def __call__(
    self, incomplete, mask, sketch=None, *, padding=None
  ) -> GeneratorOutput:
    """Fills the holes; see `batch.py` for shapes and ranges.

    Args:
      incomplete: pictures with their holes set to 0.
      mask: holes.
      sketch: lines inside the holes; needed exactly when `guided`.
      padding: like `mask`, 1 where a picture was padded and the attention must
        not copy from; None for nowhere.

    Returns:
      The predictions; `batch.composite` lays one into the picture.

    Raises:
      ValueError: if a side is not a multiple of 8, or the sketch is missing or
        not wanted.
    """
    check_inputs(incomplete, sketch, self)
    hidden, output = self.kinds[self.conv]
    if self.rematerialize:
      hidden = nn.remat(hidden)
    layer = {
      "dtype": self.dtype,
      "initializer": self.initializer,
      "convolve": self.convolve,
    }
    network = {
      "width": self.width,
      "conv": functools.partial(hidden, **layer),
      "to_colours": functools.partial(
        output, self.channels, activation=None, **layer
      ),
    }
    bound = lambda x: BOUNDS[self.bound](x.astype(jnp.float32))
    coarse = bound(
      CoarseNetwork(**network, name="coarse")(incomplete, mask, sketch)
    )
    # No gradient is stopped: the losses of the second network reach the first.
    filled = batch_lib.composite(coarse, incomplete, mask).astype(self.dtype)
    no_source = mask if padding is None else jnp.maximum(mask, padding)
    refined, offsets, attention = RefinementNetwork(
      **network, attend=self.attend, name="refinement"
    )(filled, no_source)
    attention = attention if self.returns_attention else None
    return GeneratorOutput(coarse, bound(refined), offsets, attention)


class CoarseNetwork(nn.Module):
  """Fills the hole roughly: an encoder, dilated convolutions, a decoder."""

  width: int  # convolution channels of the first layer
  conv: Callable  # makes a hidden layer
  to_colours: Callable  # makes the output layer

  @nn.compact
  def __call__(self, incomplete, mask, sketch=None):
    """Returns the prediction `[B, H, W, C]` before its bound."""
    conv, c = self.conv, self.width // 2
    sketches = [] if sketch is None else [sketch]
    # The ones differ from the zeros that convolutions pad with, so that the
    # network can tell the border of the picture.
    inputs = [incomplete, *sketches, jnp.ones_like(mask), mask]
    x, valid = jnp.concatenate(inputs, axis=-1), 1 - mask

    x, valid = conv(c, kernel_size=5, name="conv1")(x, valid)
    x, valid = conv(2 * c, stride=2, name="conv2_downsample")(x, valid)
    x, valid = conv(2 * c, name="conv3")(x, valid)
    x, valid = conv(4 * c, stride=2, name="conv4_downsample")(x, valid)
    x, valid = conv(4 * c, name="conv5")(x, valid)
    x, valid = conv(4 * c, name="conv6")(x, valid)
    x, valid = conv(4 * c, dilation=2, name="conv7_atrous")(x, valid)
    x, valid = conv(4 * c, dilation=4, name="conv8_atrous")(x, valid)
    x, valid = conv(4 * c, dilation=8, name="conv9_atrous")(x, valid)
    x, valid = conv(4 * c, dilation=16, name="conv10_atrous")(x, valid)
    x, valid = conv(4 * c, name="conv11")(x, valid)
    x, valid = conv(4 * c, name="conv12")(x, valid)
    x, valid = conv(2 * c, upsample=True, name="conv13_upsample")(x, valid)
    x, valid = conv(2 * c, name="conv14")(x, valid)
    x, valid = conv(c, upsample=True, name="conv15_upsample")(x, valid)
    x, valid = conv(c // 2, name="conv16")(x, valid)
    x, _ = self.to_colours(name="conv17")(x, valid)
    return x


class RefinementNetwork(nn.Module):
  """Refines the roughly filled picture in two branches and decodes both.

  One branch hallucinates content with dilated convolutions, the other copies
  texture from the known area by contextual attention. No hole is left, so every
  place is valid for partial convolutions. The fields are as above.
  """

  width: int
  conv: Callable
  to_colours: Callable
  attend: Callable

  @nn.compact
  def __call__(self, filled, no_source):
    """Returns the prediction, as `CoarseNetwork`, offsets and attention.

    Args:
      filled: pictures whose holes the coarse network filled.
      no_source: `[B, H, W, 1]`, 1 where the attention must not copy from: holes
        and padding.
    """
    conv, c = self.conv, self.width // 2

    # Some layers are narrower than those of the coarse network, as released.
    x, _ = conv(c, kernel_size=5, name="xconv1")(filled)
    x, _ = conv(c, stride=2, name="xconv2_downsample")(x)
    x, _ = conv(2 * c, name="xconv3")(x)
    x, _ = conv(2 * c, stride=2, name="xconv4_downsample")(x)
    x, _ = conv(4 * c, name="xconv5")(x)
    x, _ = conv(4 * c, name="xconv6")(x)
    x, _ = conv(4 * c, dilation=2, name="xconv7_atrous")(x)
    x, _ = conv(4 * c, dilation=4, name="xconv8_atrous")(x)
    x, _ = conv(4 * c, dilation=8, name="xconv9_atrous")(x)
    hallucinated, _ = conv(4 * c, dilation=16, name="xconv10_atrous")(x)

    x, _ = conv(c, kernel_size=5, name="pmconv1")(filled)
    x, _ = conv(c, stride=2, name="pmconv2_downsample")(x)
    x, _ = conv(2 * c, name="pmconv3")(x)
    x, _ = conv(4 * c, stride=2, name="pmconv4_downsample")(x)
    x, _ = conv(4 * c, name="pmconv5")(x)
    x, _ = conv(4 * c, activation=nn.relu, name="pmconv6")(x)
    x, offsets, attention = contextual_attention.contextual_attention(
      x, x, resize.reduce_nearest(no_source, 4), attend=self.attend
    )
    x, _ = conv(4 * c, name="pmconv9")(x)
    copied, _ = conv(4 * c, name="pmconv10")(x)

    x = jnp.concatenate([hallucinated, copied], axis=-1)
    x, _ = conv(4 * c, name="allconv11")(x)
    x, _ = conv(4 * c, name="allconv12")(x)
    x, _ = conv(2 * c, upsample=True, name="allconv13_upsample")(x)
    x, _ = conv(2 * c, name="allconv14")(x)
    x, _ = conv(c, upsample=True, name="allconv15_upsample")(x)
    x, _ = conv(c // 2, name="allconv16")(x)
    x, _ = self.to_colours(name="allconv17")(x)
    return x, offsets, attention


def check_inputs(incomplete, sketch, generator) -> None:
  """Raises ValueError for inputs that a generator cannot take."""
  _, height, width, channels = incomplete.shape
  if channels != generator.channels:
    raise ValueError(
      f"pictures of {channels} channels: must be {generator.channels}."
    )
  if height % batch_lib.SIZE_MULTIPLE or width % batch_lib.SIZE_MULTIPLE:
    raise ValueError(
      f"pictures of {height} x {width}: both sides must be multiples of "
      f"{batch_lib.SIZE_MULTIPLE}."
    )
  if generator.guided != (sketch is not None):
    wanted = "needs" if generator.guided else "takes no"
    raise ValueError(
      f"a generator with guided={generator.guided} {wanted} sketch."
    )
