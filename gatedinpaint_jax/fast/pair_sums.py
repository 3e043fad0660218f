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

  `out[i, j] = sum over k < count of padded[i + k, j + k]`, with `border` zeros,
  from 0 to `count - 1`, on both sides of each axis. `axes` are that of the
  queries and that of the keys; both become longer by `2 * border - count + 1`.
  Reverse-mode derivatives only.
  """
  if border:
    pads = [(border * (axis in axes),) * 2 for axis in range(matrix.ndim)]
    # Materialized: on CPUs, a fused loop that pads and sums takes three times
    # as long.
    matrix = lax.optimization_barrier(jnp.pad(matrix, pads))

  def shift(by):
    starts = [by * (axis in axes) for axis in range(matrix.ndim)]
    limits = [
      by + size - count + 1 if axis in axes else size
      for axis, size in enumerate(matrix.shape)
    ]
    return lax.slice(matrix, starts, limits)

  return functools.reduce(operator.add, map(shift, range(count)))


def _forward(matrix, axes, count, border):
  return sum_pairs(matrix, axes, count, border), None


def _backward(axes, count, border, _, d_sums):
  # The transpose is such a sum, too. JAX would derive a sum of padded arrays,
  # which takes XLA:CPU five times as long.
  return (sum_pairs(d_sums, axes, count, count - 1 - border),)


sum_pairs.defvjp(_forward, _backward)
