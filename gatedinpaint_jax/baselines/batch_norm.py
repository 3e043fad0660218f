"""Batch normalization that stores its running statistics as parameters.

Inference thus needs nothing but the parameters. The statistics receive no
gradient: training computes new ones in the collection `STATISTICS` and copies
them into the parameters with `with_statistics`.

Source: Ioffe & Szegedy 2015.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import traverse_util

STATISTICS = "statistics"
_EPSILON = 1e-5


class BatchOnlyNorm(nn.Module):
  """Batch normalization that always uses the batch, for discriminators."""

  @nn.compact
  def __call__(self, x):
    """Normalizes each channel of `[B, ..., C]`, then scales and shifts it."""
    return self._normalize(x, _statistics(x))

  def _normalize(self, x, statistics):
    """Computes in float32; returns the dtype of `x`."""
    # y = scale * (x - mean) / sqrt(variance + epsilon) + bias
    shape = x.shape[-1:]
    scale = self.param("scale", nn.initializers.ones_init(), shape)
    bias = self.param("bias", nn.initializers.zeros_init(), shape)
    factor = scale * jax.lax.rsqrt(statistics["variance"] + _EPSILON)
    mean, factor, bias = (
      y.reshape((1,) * (x.ndim - 1) + (-1,))
      for y in (statistics["mean"], factor, bias)
    )
    return ((x.astype(jnp.float32) - mean) * factor + bias).astype(x.dtype)


class BatchNorm(BatchOnlyNorm):
  """Batch normalization for generators, with running averages.

  If the collection `STATISTICS` is mutable, uses the mean and variance of this
  batch and puts updated running averages into it; otherwise uses the averages.
  """

  momentum: float = 0.99  # weight of the old running average, in [0, 1)

  @nn.compact
  def __call__(self, x):
    """Normalizes each channel of `[B, H, W, C]`, then scales and shifts it."""
    shape = x.shape[-1:]
    old = {
      "mean": self.param("mean", nn.initializers.zeros_init(), shape),
      "variance": self.param("variance", nn.initializers.ones_init(), shape),
    }
    if not self.is_mutable_collection(STATISTICS) or self.is_initializing():
      return self._normalize(x, jax.lax.stop_gradient(old))
    now = _statistics(x)
    for name, value in now.items():
      average = self.momentum * old[name] + (1 - self.momentum) * value
      self.put_variable(STATISTICS, name, jax.lax.stop_gradient(average))
    return self._normalize(x, now)


def with_statistics(params, statistics):
  """Replaces running statistics in parameters; `statistics` may be empty."""
  new = traverse_util.flatten_dict(statistics)
  return traverse_util.unflatten_dict(traverse_util.flatten_dict(params) | new)


def _statistics(x):
  axes = tuple(range(x.ndim - 1))
  x = x.astype(jnp.float32)
  return {"mean": jnp.mean(x, axes), "variance": jnp.var(x, axes)}
