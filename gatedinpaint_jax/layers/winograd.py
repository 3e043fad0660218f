"""Convolution by 3 x 3 kernels with a quarter of the multiplications.

A tile of 6 x 6 inputs and the kernel are taken for polynomials, which are
evaluated at five points and at infinity along either side. There a convolution
is a product, and the sum over channels a product of matrices, one for each of
the 36 pairs of points; 4 x 4 outputs are interpolated from them. Tiles go
through in strips, so that everything between stays in the processor's cache.

The points decide how rounding errors grow. With 0, +-sqrt(1/2) and +-sqrt(2)
they are 2.3 times those of a direct sum; with the usual 0, +-1 and +-2 they are
4.8 times (root mean square over 96 channels, AVX-512).

A dilated convolution is an ordinary one of each of the pictures made of every
`dilation`-th row and column.

Sources: Lavin and Gray 2016, "Fast algorithms for convolutional neural
networks"; for the points, Barabasz et al. 2020, "Error analysis and improving
the accuracy of Winograd convolution".
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.polynomial import polynomial

_POINTS = (0, math.sqrt(1 / 2), -math.sqrt(1 / 2), math.sqrt(2), -math.sqrt(2))
_OUTPUTS = 4  # of a tile, along a side
_TAPS = 3
_INPUTS = _OUTPUTS + _TAPS - 1
_PAIRS = _INPUTS**2

# Tiles of a strip at most, unless one row of tiles has more. 32 tiles of 96
# channels in and 192 out fit a second-level cache of 1 MB; the gradient of a
# kernel is quicker with more, since each strip is added to all 36 matrices.
_TILES = 32
_TILES_OF_GRADIENT = 128

# Where it is quicker than XLA:CPU, by measurements at 24 to 192 channels and
# sides of 16 to 256.
_FEWEST_CHANNELS = 48
_FEWEST_CHANNELS_OF_GRADIENT = 24
_FEWEST_OUTPUTS = 32 * 32
_LEAST_SHARE_OF_TILES = 0.7


class _Matrices(NamedTuple):
  """The steps along one side: from a tile, from a kernel, and to outputs."""

  tile: np.ndarray  # [6, 6]
  kernel: np.ndarray  # [6, 3]
  output: np.ndarray  # [4, 6]


class _Strips(NamedTuple):
  """How a picture is cut into strips of tiles.

  They run over the rows of the pictures made of every `dilation`-th row, and
  over the columns of all pictures made of every `dilation`-th of them.
  """

  dilation: int
  count: int  # of strips, for one of the pictures made of rows
  rows: int  # tiles of a strip, one below the other
  columns: int  # tiles side by side, for one of the pictures made of columns


def pays(x, kernel, *, dilation: int = 1) -> bool:
  """Returns whether `convolve` is quicker than XLA's on a processor core.

  Args:
    x: as there, of any shape and type.
    kernel: likewise.
    dilation: as there.
  """
  return (
    _is_possible(x, kernel)
    and min(kernel.shape[2:]) >= _FEWEST_CHANNELS
    and _fits_tiles(x, dilation)
  )


def gradient_pays(x, kernel, *, dilation: int = 1) -> bool:
  """Returns the same of `gradient_of_kernel`."""
  channels = kernel.shape[2:]
  return (
    _is_possible(x, kernel)
    and min(channels) >= _FEWEST_CHANNELS_OF_GRADIENT
    and max(channels) >= _FEWEST_CHANNELS
    and _fits_tiles(x, dilation)
  )


def convolve(x, kernel, *, dilation: int = 1, has_border_rows: bool = False):
  """Returns `x` convolved with `kernel`, with zeros around the picture.

  Args:
    x: `[B, H, W, I]`, float.
    kernel: `[3, 3, I, O]`, of the same dtype.
    dilation: distance between the taps of the kernel.
    has_border_rows: whether `dilation` rows at the top and at the bottom of `x`
      are not the picture's but lie around it, instead of zeros.

  Returns:
    `[B, H, W, O]`, of the same dtype; the border has no output.
  """
  batch, height, width, _ = x.shape
  above = dilation
  if has_border_rows:
    height, above = height - 2 * dilation, 0
  strips = _cut((batch, height, width), dilation, _TILES)
  padded = _pad(x, strips, border=dilation, before=(above, dilation))
  kernel = _evaluate_kernel(kernel)

  def fill_strip(index):
    products = jnp.matmul(_evaluate_tiles(padded, index, strips), kernel)
    return _interpolate(products, batch, strips)

  y = lax.map(fill_strip, jnp.arange(strips.count * dilation))
  rows, columns, channels = y.shape[2:]
  y = y.reshape(strips.count, dilation, batch, rows, columns, channels)
  y = y.transpose(2, 0, 3, 1, 4, 5)  # batch, strip, row, first row
  y = y.reshape(batch, -1, columns, channels)
  return y[:, :height, :width]


def gradient_of_kernel(x, by_output, *, dilation: int = 1):
  """Returns the gradient of `convolve` by its kernel.

  Args:
    x: as there.
    by_output: `[B, H, W, O]`, the gradient by what it returns.
    dilation: as there.

  Returns:
    `[3, 3, I, O]`, of the same dtype.
  """
  strips = _cut(x.shape[:3], dilation, _TILES_OF_GRADIENT)
  padded = _pad(x, strips, border=dilation, before=(dilation, dilation))
  by_output = _pad(by_output, strips, border=0, before=(0, 0))

  def add_strip(index, total):
    tiles = _evaluate_tiles(padded, index, strips)
    by_products = _spread_outputs(by_output, index, strips)
    return total + jnp.einsum("pti,pto->pio", tiles, by_products)

  shape = (_PAIRS, x.shape[-1], by_output.shape[-1])
  total = lax.fori_loop(
    0, strips.count * dilation, add_strip, jnp.zeros(shape, x.dtype)
  )
  return _gather_kernel(total)


def _is_possible(x, kernel):
  """Sizes are not numbers where a program is exported for free sizes."""
  return (
    kernel.shape[:2] == (_TAPS, _TAPS)
    and x.dtype == jnp.float32
    and all(isinstance(size, int) for size in x.shape)
  )


def _fits_tiles(x, dilation):
  sides = x.shape[1:3]
  period = _OUTPUTS * dilation
  in_tiles = math.prod(-(-side // period) * period for side in sides)
  outputs = math.prod(sides)
  return (
    outputs >= _FEWEST_OUTPUTS and outputs >= _LEAST_SHARE_OF_TILES * in_tiles
  )


def _matrices() -> _Matrices:
  """Evaluates polynomials at the points, and interpolates between them."""
  others = [[q for q in _POINTS if q != p] for p in _POINTS]
  scale = [
    math.prod(p - q for q in rest)
    for p, rest in zip(_POINTS, others, strict=True)
  ]
  # Each vanishes at all points but one.
  vanishing = [np.append(polynomial.polyfromroots(rest), 0) for rest in others]
  powers = lambda count: np.power.outer(np.array(_POINTS), np.arange(count))
  at_infinity = lambda count: np.eye(count)[-1:]
  return _Matrices(
    tile=np.stack([*vanishing, polynomial.polyfromroots(_POINTS)]),
    kernel=np.concatenate(
      [powers(_TAPS) / np.array(scale)[:, None], at_infinity(_TAPS)]
    ),
    output=np.concatenate([powers(_OUTPUTS), at_infinity(_OUTPUTS)]).T,
  )


_MATRICES = _matrices()
_KERNEL_PAIRS = np.kron(_MATRICES.kernel, _MATRICES.kernel)  # [36, 9]
_OUTPUT_PAIRS = np.kron(_MATRICES.output, _MATRICES.output)  # [16, 36]


def _cut(shape, dilation, most_tiles) -> _Strips:
  batch, height, width = shape
  rows, columns = (
    -(-side // (_OUTPUTS * dilation)) for side in (height, width)
  )
  fitting = max(1, most_tiles // (batch * columns * dilation))
  rows_of_strip = max(
    n for n in range(1, rows + 1) if rows % n == 0 and n <= fitting
  )
  return _Strips(dilation, rows // rows_of_strip, rows_of_strip, columns)


def _pad(x, strips, *, border, before):
  """Pads with zeros up to whole tiles and a border, `before`: (above, left)."""
  side = _OUTPUTS * strips.dilation
  tiles = strips.count * strips.rows, strips.columns
  pads = [
    (begin, side * count + 2 * border - begin - size)
    for begin, count, size in zip(before, tiles, x.shape[1:3], strict=True)
  ]
  return jnp.pad(x, ((0, 0), *pads, (0, 0)))


def _rows_of_strip(padded, index, strips, *, border):
  """Returns the rows of a strip, columns split: [B, rows, -1, dilation, C]."""
  batch, _, _, channels = padded.shape
  d, rows = strips.dilation, _OUTPUTS * strips.rows
  start = index % d + index // d * d * rows
  rows += 2 * border
  x = lax.dynamic_slice_in_dim(padded, start, d * (rows - 1) + 1, axis=1)
  return x[:, ::d].reshape(batch, rows, -1, d, channels)


def _evaluate_tiles(padded, index, strips):
  """Returns the tiles of a strip at all pairs of points, [36, T, I]."""
  x = _rows_of_strip(padded, index, strips, border=1)
  last_row = _OUTPUTS * (strips.rows - 1) + 1
  last_column = _OUTPUTS * (strips.columns - 1) + 1
  down = [x[:, i : i + last_row : _OUTPUTS] for i in range(_INPUTS)]
  x = _combine(_MATRICES.tile, down)
  right = [x[:, :, :, j : j + last_column : _OUTPUTS] for j in range(_INPUTS)]
  x = _combine(_MATRICES.tile, right)
  return x.reshape(_PAIRS, -1, x.shape[-1])


def _evaluate_kernel(kernel):
  """Returns a kernel at all pairs of points, [36, I, O]."""
  # Columns before rows, as of tiles.
  flat = kernel.transpose(1, 0, 2, 3).reshape(_TAPS**2, -1)
  pairs = jnp.matmul(_KERNEL_PAIRS.astype(kernel.dtype), flat)
  return pairs.reshape(_PAIRS, *kernel.shape[2:])


def _interpolate(products, batch, strips):
  """Returns the outputs of a strip, [B, rows, columns, O]."""
  d, _, rows, columns = strips
  # A product of a small matrix, but quicker to compile than `_combine`.
  y = jnp.matmul(
    _OUTPUT_PAIRS.astype(products.dtype), products.reshape(_PAIRS, -1)
  )
  y = y.reshape(_OUTPUTS, _OUTPUTS, batch, rows, columns, d, -1)
  y = y.transpose(2, 3, 1, 4, 0, 5, 6)  # columns before rows, as of tiles
  return y.reshape(batch, rows * _OUTPUTS, columns * _OUTPUTS * d, -1)


def _spread_outputs(by_output, index, strips):
  """The transpose of `_interpolate`: the gradient by products, [36, T, O]."""
  y = _rows_of_strip(by_output, index, strips, border=0)
  batch, _, _, d, channels = y.shape
  rows, columns = strips.rows, strips.columns
  y = y.reshape(batch, rows, _OUTPUTS, columns, _OUTPUTS, d, channels)
  down = [y[:, :, i] for i in range(_OUTPUTS)]
  y = _combine(_MATRICES.output.T, down)
  right = [y[:, :, :, :, j] for j in range(_OUTPUTS)]
  y = _combine(_MATRICES.output.T, right)
  return y.reshape(_PAIRS, -1, channels)


def _gather_kernel(by_pairs):
  """The transpose of `_evaluate_kernel`."""
  flat = by_pairs.reshape(_PAIRS, -1)
  flat = jnp.matmul(_KERNEL_PAIRS.T.astype(flat.dtype), flat)
  kernel = flat.reshape(_TAPS, _TAPS, *by_pairs.shape[1:])
  return kernel.transpose(1, 0, 2, 3)


def _combine(matrix, arrays):
  """Stacks the sums that the rows of a matrix make of arrays."""
  sums = []
  for row in matrix:
    # Many factors are 0, and XLA:CPU is slow at products of small matrices.
    terms = [
      float(factor) * array
      for factor, array in zip(row, arrays, strict=True)
      if abs(factor) > 1e-9
    ]
    sums.append(functools.reduce(jax.lax.add, terms))
  return jnp.stack(sums)
