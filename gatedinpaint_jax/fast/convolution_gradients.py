"""Gradients of a convolution as products of patches, for CPUs.

XLA:CPU computes the gradient of a kernel as a convolution with a kernel as
large as the picture, at a third of the speed of the forward pass or less once
pictures no longer fit the cache. It also has no fast code for the gradient of
a picture that is smaller than the kernel.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

# Elements of a strip of patches: 1 MB of float32, which stays in the L2 cache.
# Half or twice as many cost about 5 % more time.
_STRIP_SIZE = 1 << 18


def input_gradient(x, kernel, dy, stride, dilation):
  """Returns the gradient of `x` as that of `patches(x) @ kernel`."""
  height, width = dy.shape[1:3]

  def patches(x):
    x = _pad(x, kernel, stride, dilation)
    taps = [
      _tap(x, i * dilation, j * dilation, (height, width), stride)
      for i, j in np.ndindex(kernel.shape[:2])
    ]
    return jnp.concatenate(taps, axis=-1)  # [B, H', W', K*L*I]

  dy, matrix = _as_float32(dy, kernel.reshape(-1, kernel.shape[-1]))
  d_patches = jnp.einsum("bhwo,po->bhwp", dy, matrix)
  shape = jax.ShapeDtypeStruct(x.shape, d_patches.dtype)
  (dx,) = jax.linear_transpose(patches, shape)(d_patches)
  return dx.astype(x.dtype)


def kernel_gradient(x, kernel, dy, stride, dilation):
  """Returns the gradient of `kernel`, one strip of output rows at a time.

  Each strip adds dy^T patches(x), which XLA:CPU computes faster than its
  transpose. The loops are not unrolled, which would take long to compile.
  """
  batch, height, width, _ = dy.shape
  x, dy = _as_float32(_pad(x, kernel, stride, dilation), dy)
  kernel_rows, kernel_columns, channels, _ = kernel.shape
  taps = kernel_rows * kernel_columns
  rows = _rows_per_strip(height, batch * width * taps * channels)

  def add_strip(strip, carry):
    total, patches = carry
    first_row = strip * rows

    def fill_tap(index, patches):
      i, j = index // kernel_columns, index % kernel_columns
      top = first_row * stride + i * dilation
      tap = _tap(x, top, j * dilation, (rows, width), stride)
      start = (0, 0, 0, index * channels)
      return lax.dynamic_update_slice(patches, tap, start)

    patches = lax.fori_loop(0, taps, fill_tap, patches)
    dy_strip = lax.dynamic_slice_in_dim(dy, first_row, rows, axis=1)
    places = (0, 1, 2)
    total += lax.dot_general(dy_strip, patches, ((places, places), ((), ())))
    return total, patches

  total = jnp.zeros((kernel.shape[-1], taps * channels))
  patches = jnp.zeros((batch, rows, width, taps * channels))
  total, _ = lax.fori_loop(0, height // rows, add_strip, (total, patches))
  return total.T.reshape(kernel.shape).astype(kernel.dtype)


def _as_float32(*arrays):
  """A sum over all pixels loses too many digits in bfloat16."""
  return [array.astype(jnp.float32) for array in arrays]


def _rows_per_strip(height, row_size):
  """Returns the largest divisor of `height` whose strips are small enough."""
  fitting = max(1, _STRIP_SIZE // row_size)
  return max(
    n for n in range(1, height + 1) if height % n == 0 and n <= fitting
  )


def _pad(x, kernel, stride, dilation):
  """Pads explicitly as "SAME" does."""
  reach = [dilation * (size - 1) + 1 for size in kernel.shape[:2]]
  pads = lax.padtype_to_pads(x.shape[1:3], reach, (stride, stride), "SAME")
  return jnp.pad(x, ((0, 0), *pads, (0, 0)))


def _tap(x, top, left, outputs, stride):
  """Returns what one tap sees for `outputs`, (rows, columns) of them."""
  batch, _, _, channels = x.shape
  rows, columns = ((size - 1) * stride + 1 for size in outputs)
  tap = lax.dynamic_slice(
    x, (0, top, left, 0), (batch, rows, columns, channels)
  )
  return tap[:, ::stride, ::stride]
