"""Convolution, each part of it in the quickest of the ways that there are.

Accelerators get XLA's convolution and its gradients. For processors, whose code
in XLA is far from what they can do, other ways to the same sums are chosen by
shape; values are those of XLA up to rounding.
"""

import contextlib
import contextvars
import functools
import math
import os

import jax
import jax.numpy as jnp
from jax import lax

from gatedinpaint_jax.layers import (
  convolution_gradients,
  shared_rows,
  winograd,
)

# Outputs from which other ways are tried: strips of a batch are then faster
# than XLA's own gradient of the kernel for every layer.
_FEWEST_OUTPUTS = 4096
# Channels out up to which XLA:CPU is slow, since it computes sixteen at once,
# and numbers up to which the products for all taps fit a cache.
_FEW_CHANNELS = 4
_MOST_PRODUCTS = 1 << 23
_CHANNELS_LAST = ("NHWC", "HWIO", "NHWC")
# Cores of a device up to which Winograd's way is quicker: its strips follow one
# another, XLA's convolution uses all cores. A picture takes 0.81 of the time on
# one core and 1.01 on two; a step of training takes 0.84 on two, and on more it
# was not measured.
_MOST_CORES = 1
_MOST_CORES_IN_TRAINING = 2

_is_tuned = contextvars.ContextVar("is_tuned", default=False)


@contextlib.contextmanager
def tuned():
  """Lets what is traced inside take ways that are long to compile.

  Which pays for a program that runs often: that of a picture takes 8 s to
  compile instead of 3, and 0.81 of the time to run. What is differentiated
  takes them anyway.
  """
  token = _is_tuned.set(True)
  try:
    yield
  finally:
    _is_tuned.reset(token)


def convolve(x, kernel, *, stride: int = 1, dilation: int = 1):
  """Returns `x` convolved with `kernel`, with zeros around the picture.

  The output has ceil(size / stride) rows and columns ("SAME" of TensorFlow).
  Reverse-mode derivatives only: `jax.jvp` is not defined.

  Args:
    x: `[B, H, W, I]`, float.
    kernel: `[K, L, I, O]`, of the same dtype.
    stride: input pixels per output pixel.
    dilation: distance between the taps of the kernel.

  Returns:
    `[B, H', W', O]`, of the same dtype.
  """
  if shared_rows.devices() == 1:
    return _convolve(x, kernel, stride, dilation)
  taps = [(size - 1) * dilation + 1 for size in kernel.shape[:2]]
  strides = (stride, stride)
  rows, columns = lax.padtype_to_pads(x.shape[1:3], taps, strides, "SAME")
  if not shared_rows.can_take(x, rows, stride=stride):
    return _convolve(x, kernel, stride, dilation)
  way = functools.partial(
    _convolve_own_rows, stride=stride, dilation=dilation, columns=columns
  )
  return shared_rows.do_own(way, x, kernel, around=rows)


def count_cores() -> int:
  """Returns how many cores of the processor this process may use."""
  if hasattr(os, "sched_getaffinity"):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def for_linen(x, kernel, strides, *_, **__):
  """Convolves for an `nn.Conv` whose stride alone is not what it always is."""
  return convolve(x, kernel, stride=strides[0])


def _convolve_own_rows(x, kernel, *, stride, dilation, columns):
  """Convolves rows that lie between others, which have no output."""
  own = x[:, dilation : x.shape[1] - dilation]
  if (
    _is_tuned.get()
    and _cores_are_few(_MOST_CORES)
    and stride == 1
    and winograd.pays(own, kernel, dilation=dilation)
  ):
    return winograd.convolve(x, kernel, dilation=dilation, has_border_rows=True)
  return lax.conv_general_dilated(
    x,
    kernel,
    (stride, stride),
    ((0, 0), columns),
    rhs_dilation=(dilation, dilation),
    dimension_numbers=_CHANNELS_LAST,
  )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _convolve(x, kernel, stride, dilation):
  way = _xla
  if _is_odd(kernel, stride) and _makes_few_channels(x, kernel):
    way = _by_platform(cpu=_sum_of_taps, default=way)
  elif _is_tuned.get() and _takes_winograd(
    x, kernel, stride, dilation, most_cores=_MOST_CORES
  ):
    way = _by_platform(cpu=_winograd, default=way)
  return way(x, kernel, stride, dilation)


def _forward(x, kernel, stride, dilation):
  return _convolve_in_training(x, kernel, stride, dilation), (x, kernel)


def _convolve_in_training(x, kernel, stride, dilation):
  """Returns the same, by Winograd's way on more cores and untuned too."""
  most_cores = _MOST_CORES_IN_TRAINING
  if _takes_winograd(x, kernel, stride, dilation, most_cores=most_cores):
    way = _by_platform(cpu=_winograd, default=_xla)
    return way(x, kernel, stride, dilation)
  return _convolve(x, kernel, stride, dilation)


def _backward(stride, dilation, inputs, by_output):
  """Returns the gradients by `x` and by `kernel`."""
  return (
    _by_x(*inputs, by_output, stride, dilation),
    _by_kernel(*inputs, by_output, stride, dilation),
  )


_convolve.defvjp(_forward, _backward)


def _by_x(x, kernel, by_output, stride, dilation):
  """Returns the gradient by `x`."""
  _, height, width, _ = by_output.shape
  if height * width < math.prod(kernel.shape[:2]):
    way = _by_platform(
      cpu=convolution_gradients.patches_by_x, default=_xla_by_x
    )
    return way(x, kernel, by_output, stride, dilation)
  if _is_odd(kernel, stride):
    # A convolution itself, which may be one of the quicker ones.
    transposed = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
    return _convolve_in_training(by_output, transposed, stride, dilation)
  return _xla_by_x(x, kernel, by_output, stride, dilation)


def _by_kernel(x, kernel, by_output, stride, dilation):
  """Returns the gradient by `kernel`."""
  way = _xla_by_kernel
  batch, height, width, _ = by_output.shape
  if (
    stride == 1
    and _cores_are_few(_MOST_CORES_IN_TRAINING)
    and winograd.gradient_pays(x, kernel, dilation=dilation)
  ):
    way = _by_platform(cpu=_winograd_by_kernel, default=way)
  elif batch * height * width >= _FEWEST_OUTPUTS:
    way = _by_platform(cpu=convolution_gradients.strips_by_kernel, default=way)
  return way(x, kernel, by_output, stride, dilation)


def _is_odd(kernel, stride):
  """Whether each output has as many taps on all sides of its input."""
  return stride == 1 and kernel.shape[0] % 2 == kernel.shape[1] % 2 == 1


def _takes_winograd(x, kernel, stride, dilation, *, most_cores):
  return (
    _is_odd(kernel, stride)
    and _cores_are_few(most_cores)
    # XLA would give each all rows for the strips.
    and shared_rows.devices() == 1
    and winograd.pays(x, kernel, dilation=dilation)
  )


def _cores_are_few(most):
  """Whether JAX computes on processors, so many cores at most to a device.

  Devices that the mesh leaves idle do not count: their cores help the others.
  """
  if jax.default_backend() != "cpu":
    return False
  devices = jax.local_device_count()
  mesh = jax.sharding.get_abstract_mesh()
  if not mesh.empty:
    devices = min(devices, mesh.size)
  return count_cores() <= most * devices


def _makes_few_channels(x, kernel):
  sizes = (*x.shape[:3], *kernel.shape[:2], kernel.shape[-1])
  return (
    kernel.shape[-1] <= _FEW_CHANNELS
    # Sizes are not numbers where a program is exported for free sizes.
    and all(isinstance(size, int) for size in sizes)
    # Of a picture: parts of a batch take the way of the whole.
    and math.prod(x.shape[1:3]) >= _FEWEST_OUTPUTS
    and math.prod(sizes) <= _MOST_PRODUCTS
  )


def _by_platform(*, cpu, default):
  """Chooses when the program is compiled, which may be for another machine."""

  def choose(*arrays_and_step):
    *arrays, stride, dilation = arrays_and_step
    bind = lambda way: lambda *arrays: way(*arrays, stride, dilation)
    return lax.platform_dependent(*arrays, cpu=bind(cpu), default=bind(default))

  return choose


def _xla(x, kernel, stride, dilation):
  return lax.conv_general_dilated(
    x,
    kernel,
    (stride, stride),
    "SAME",
    rhs_dilation=(dilation, dilation),
    dimension_numbers=_CHANNELS_LAST,
  )


def _xla_by_x(x, kernel, by_output, stride, dilation):
  convolve_x = lambda x: _xla(x, kernel, stride, dilation)
  return jax.vjp(convolve_x, x)[1](by_output)[0]


def _xla_by_kernel(x, kernel, by_output, stride, dilation):
  convolve_kernel = lambda kernel: _xla(x, kernel, stride, dilation)
  return jax.vjp(convolve_kernel, kernel)[1](by_output)[0]


def _winograd(x, kernel, stride, dilation):
  del stride  # 1
  return winograd.convolve(x, kernel, dilation=dilation)


def _winograd_by_kernel(x, kernel, by_output, stride, dilation):
  del kernel, stride  # 1
  return winograd.gradient_of_kernel(x, by_output, dilation=dilation)


def _sum_of_taps(x, kernel, stride, dilation):
  """Multiplies with all taps at once, and shifts the products in place."""
  del stride  # 1
  _, height, width, _ = x.shape
  products = jnp.tensordot(x, kernel, axes=(3, 2))  # [B, H, W, K, L, O]
  border = [size // 2 * dilation for size in kernel.shape[:2]]
  pads = [(0, 0), *((b, b) for b in border), (0, 0), (0, 0), (0, 0)]
  products = jnp.pad(products, pads)
  y = 0
  for i in range(kernel.shape[0]):
    for j in range(kernel.shape[1]):
      top, left = i * dilation, j * dilation
      y += products[:, top : top + height, left : left + width, i, j]
  return y
