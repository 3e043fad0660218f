"""Batch normalization whose running statistics lie among the parameters.

Whoever has the parameters has all that inference needs. No gradient reaches the
statistics; training computes new ones in the collection `STATISTICS` and lays
them into the parameters by `with_statistics`.

Source: Ioffe & Szegedy 2015.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import traverse_util

STATISTICS = "statistics"
_EPSILON = 1e-5


class BatchNorm(nn.Module):
  """Normalizes every channel, then scales and shifts it.

  Where the collection `STATISTICS` is mutable, by mean and variance over this
  batch, which are averaged into the collection; elsewhere by the averages.

  Attributes:
    momentum: how much of the old average stays, in [0, 1).
  """

  momentum: float = 0.99

  @nn.compact
  def __call__(self, x):
    """Normalizes `[B, H, W, C]`."""
    shape = x.shape[-1:]
    scale = self.param("scale", nn.initializers.ones_init(), shape)
    bias = self.param("bias", nn.initializers.zeros_init(), shape)
    old = {
      "mean": self.param("mean", nn.initializers.zeros_init(), shape),
      "variance": self.param("variance", nn.initializers.ones_init(), shape),
    }
    if not self.is_mutable_collection(STATISTICS) or self.is_initializing():
      now = jax.lax.stop_gradient(old)
    else:
      now = _statistics(x)
      for name, value in now.items():
        average = self.momentum * old[name] + (1 - self.momentum) * value
        self.put_variable(STATISTICS, name, jax.lax.stop_gradient(average))
    return _normalize(x, now, scale, bias)


class BatchOnlyNorm(nn.Module):
  """The same by the statistics of this batch always, for discriminators."""

  @nn.compact
  def __call__(self, x):
    """Normalizes `[B, ..., C]`."""
    shape = x.shape[-1:]
    scale = self.param("scale", nn.initializers.ones_init(), shape)
    bias = self.param("bias", nn.initializers.zeros_init(), shape)
    return _normalize(x, _statistics(x), scale, bias)


def with_statistics(params, statistics):
  """Returns the parameters of a network with new running statistics.

  Args:
    params: its parameters.
    statistics: the collection `STATISTICS` of the same network; may be empty.
  """
  new = traverse_util.flatten_dict(statistics)
  return traverse_util.unflatten_dict(traverse_util.flatten_dict(params) | new)


def _statistics(x):
  axes = tuple(range(x.ndim - 1))
  x = x.astype(jnp.float32)
  return {"mean": jnp.mean(x, axes), "variance": jnp.var(x, axes)}


def _normalize(x, statistics, scale, bias):
  """Computes in float32; returns the dtype of `x`."""
  factor = scale * jax.lax.rsqrt(statistics["variance"] + _EPSILON)
  mean, factor, bias = (
    y.reshape((1,) * (x.ndim - 1) + (-1,))
    for y in (statistics["mean"], factor, bias)
  )
  return ((x.astype(jnp.float32) - mean) * factor + bias).astype(x.dtype)
