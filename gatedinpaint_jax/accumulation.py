"""Gradients of a batch that is computed in parts, one after the other.

Losses are means over pictures, so the mean over equal parts is that of all.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def split(batch: Any, count: int) -> Any:
  """Divides a batch into parts.

  Takes a tree of arrays `[B, ...]` and returns `[count, B / count, ...]`.
  `count` divides B, and the pictures of each device. Part i has the pictures i,
  i + count and so on, so that a batch that is sharded over devices stays where
  it is: each device has a piece of each part.
  """

  def divide(x):
    pictures, *rest = x.shape
    return jnp.moveaxis(x.reshape(pictures // count, count, *rest), 1, 0)

  return jax.tree.map(divide, batch)


def mean(compute: Callable[[Any], Any], parts: Any) -> Any:
  """Returns the mean of `compute(part)`, holding one part's work at a time.

  `compute` returns a tree of float arrays; the parts are those of `split`.
  """
  (count,) = {len(x) for x in jax.tree.leaves(parts)}
  first = jax.tree.map(lambda x: x[0], parts)
  if count == 1:
    return compute(first)
  total = jax.tree.map(
    lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(compute, first)
  )

  def add(total, part):
    return jax.tree.map(jnp.add, total, compute(part)), None

  total, _ = jax.lax.scan(add, total, parts)
  return jax.tree.map(lambda x: x / count, total)
