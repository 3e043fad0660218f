"""Convolution on CPUs: equal to `layers.conv.convolve`, but faster.

XLA:CPU is slow at gradients of kernels, at layers with few output channels, and
at upsampled pictures. Here, each of these is computed by an equal formula,
chosen by shape.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from gatedinpaint_jax.fast import convolution_gradients, folded_upsampling
from gatedinpaint_jax.layers import conv, resize

# From this many outputs on, gradients of kernels by strips are faster in every
# layer than XLA's.
_FEWEST_OUTPUTS = 4096
# XLA:CPU computes sixteen output channels at once and wastes most of them up to
# this many; the products of all taps fit a cache up to this many elements.
_FEW_CHANNELS = 4
_MOST_PRODUCTS = 1 << 23


def convolve(x, kernel, *, stride=1, dilation=1, upsample=False):
  """Equals `layers.conv.convolve`; reverse-mode derivatives only."""
  if not upsample:
    return _convolve(x, kernel, stride, dilation)
  fold = stride == dilation == 1 and folded_upsampling.pays(x, kernel)
  x = x if fold else resize.upsample_x2(x)
  return _convolve(x, kernel, stride, dilation, fold)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _convolve(x, kernel, stride, dilation, fold=False):
  if fold:
    return folded_upsampling.convolve(x, kernel)
  if _is_centred(kernel, stride) and _has_few_outputs(x, kernel):
    return _sum_of_taps(x, kernel, dilation)
  return conv.convolve(x, kernel, stride=stride, dilation=dilation)


def _forward(x, kernel, *settings):
  return _convolve(x, kernel, *settings), (x, kernel)


def _backward(stride, dilation, fold, inputs, dy):
  if fold:
    doubled = lambda x, kernel: _convolve(resize.upsample_x2(x), kernel, 1, 1)
    return jax.vjp(doubled, *inputs)[1](dy)
  x, kernel = inputs
  plain = functools.partial(conv.convolve, stride=stride, dilation=dilation)
  if math.prod(dy.shape[1:3]) < math.prod(kernel.shape[:2]):
    dx = convolution_gradients.input_gradient(x, kernel, dy, stride, dilation)
  elif _is_centred(kernel, stride):
    # The convolution with the kernel rotated by 180 degrees.
    transposed = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
    dx = _convolve(dy, transposed, stride, dilation)
  else:
    (dx,) = jax.vjp(lambda x: plain(x, kernel), x)[1](dy)
  if math.prod(dy.shape[:3]) >= _FEWEST_OUTPUTS:
    d_kernel = convolution_gradients.kernel_gradient(
      x, kernel, dy, stride, dilation
    )
  else:
    (d_kernel,) = jax.vjp(lambda kernel: plain(x, kernel), kernel)[1](dy)
  return dx, d_kernel


_convolve.defvjp(_forward, _backward)


def _is_centred(kernel, stride):
  """Whether the taps lie symmetrically around each output."""
  return stride == 1 and kernel.shape[0] % 2 == kernel.shape[1] % 2 == 1


def _has_few_outputs(x, kernel):
  """Whether `_sum_of_taps` is faster than XLA."""
  return (
    kernel.shape[-1] <= _FEW_CHANNELS
    and math.prod(x.shape[1:3]) >= _FEWEST_OUTPUTS
    and math.prod((*x.shape[:3], *kernel.shape[:2], kernel.shape[-1]))
    <= _MOST_PRODUCTS
  )


def _sum_of_taps(x, kernel, dilation):
  """Multiplies all taps in one product, then shifts and adds the products."""
  _, height, width, _ = x.shape
  products = jnp.tensordot(x, kernel, axes=(3, 2))  # [B, H, W, K, L, O]
  border = [size // 2 * dilation for size in kernel.shape[:2]]
  pads = [(0, 0), *((b, b) for b in border), (0, 0), (0, 0), (0, 0)]
  products = jnp.pad(products, pads)
  y = 0
  for i, j in np.ndindex(kernel.shape[:2]):
    top, left = i * dilation, j * dilation
    y += products[:, top : top + height, left : left + width, i, j]
  return y
