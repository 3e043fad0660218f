"""Scores of one picture against another, as pure functions.

All take pictures `[B, H, W, 3] float32 in [-1, 1]` and return `[B] float32`,
one score a picture. Errors are fractions of the range of pixel values: 1 is
the distance from black to white. With a mask `[B, H, W, 1]` they are means over
its hole, 0 where there is none; without one, over the whole picture.
"""

import jax.numpy as jnp

_RANGE = 2.0


def l1(image, reference, *, mask=None):
  """Returns the mean absolute error of each picture, in [0, 1]."""
  return _mean(jnp.abs(image - reference) / _RANGE, mask)


def l2(image, reference, *, mask=None):
  """Returns the mean squared error of each picture, in [0, 1]."""
  return _mean(jnp.square((image - reference) / _RANGE), mask)


def psnr(image, reference, *, mask=None):
  """Returns the peak signal-to-noise ratio in dB; infinite if equal."""
  return -10 * jnp.log10(l2(image, reference, mask=mask))


def _mean(error, mask):
  if mask is None:
    return jnp.mean(error, axis=(1, 2, 3))
  total = jnp.sum(error * mask, axis=(1, 2, 3))
  count = error.shape[-1] * jnp.sum(mask, axis=(1, 2, 3))
  return total / jnp.maximum(count, 1)
