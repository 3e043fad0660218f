"""Sums over neighbouring pairs of places, for contextual attention.

A matrix has a number for each pair of a query and a key. The neighbour of a
pair is the neighbour of its query with the neighbour of its key in the same
direction. The product of two patches is a sum of the products of their pixels
over neighbouring pairs; the fuse and the overlap of copied patches are sums
over neighbouring pairs as well.
"""

import functools
import operator

import jax
import jax.numpy as jnp
from jax import lax


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def sum_pairs(matrix, axes, count, border):
  """Returns the sums of `count` consecutive pairs along two axes.

  `out[i, j] = sum over k < count of padded[i + k, j + k]`, with zeros on both
  sides of each axis. Reverse-mode derivatives only.

  Args:
    matrix: array of any rank and type.
    axes: that of the queries and that of the keys.
    count: pairs in a sum.
    border: how many zeros for each of the axes, from 0 to `count` - 1.

  Returns:
    The sums; an axis is longer by `2 * border - count + 1`.
  """
  borders = dict(zip(axes, border, strict=True))
  if any(border):
    pads = [(borders.get(axis, 0),) * 2 for axis in range(matrix.ndim)]
    # Materialized: on CPUs, a fused loop that pads and sums takes three times
    # as long.
    matrix = lax.optimization_barrier(jnp.pad(matrix, pads))
  sizes = {axis: matrix.shape[axis] - count + 1 for axis in axes}

  def shift(by):
    starts = [by if axis in sizes else 0 for axis in range(matrix.ndim)]
    limits = [
      by + sizes[axis] if axis in sizes else size
      for axis, size in enumerate(matrix.shape)
    ]
    return lax.slice(matrix, starts, limits)

  return functools.reduce(operator.add, map(shift, range(count)))


def _forward(matrix, axes, count, border):
  return sum_pairs(matrix, axes, count, border), None


def _backward(axes, count, border, _, d_sums):
  # The transpose is such a sum, too. JAX would derive a sum of padded arrays,
  # which takes XLA:CPU five times as long.
  border = tuple(count - 1 - zeros for zeros in border)
  return (sum_pairs(d_sums, axes, count, border),)


sum_pairs.defvjp(_forward, _backward)
