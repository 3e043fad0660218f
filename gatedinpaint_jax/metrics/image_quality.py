"""Scores of one picture against another, as pure functions.

All take pictures `[B, H, W, C] float32 in [-1, 1]` and return `[B] float32`,
one score per picture. Errors are fractions of the range of pixel values: 1 is
the difference between black and white. With a mask `[B, H, W, 1]` they are over
its hole, 0 if it is empty; without a mask, over the entire picture.
"""

import jax.numpy as jnp
import numpy as np

_RANGE = 2.0
# Side of the windows of `ssim`, in pixels.
SSIM_WINDOW = 11
_SSIM_DEVIATION = 1.5


def l1(image, reference, *, mask=None):
  """Returns the mean absolute error of each picture, in [0, 1]."""
  return _mean(jnp.abs(image - reference) / _RANGE, mask)


def l2(image, reference, *, mask=None):
  """Returns the mean squared error of each picture, in [0, 1]."""
  return _mean(jnp.square((image - reference) / _RANGE), mask)


def relative_l1(image, reference, *, mask=None):
  """Returns sum |x - y| / sum |y| on pixel values in [0, 1]; y is `reference`.

  Infinite if the reference is black and the picture is not.

  Source: Yu et al. 2018 and 2019 give no formula for their "l1 error" in
  percent; we read it as relative to the reference.
  """
  return _ratio(
    l1(image, reference, mask=mask), _mean(_from_black(reference), mask)
  )


def relative_l2(image, reference, *, mask=None):
  """Returns sum (x - y)^2 / sum y^2 on pixel values in [0, 1]; see above."""
  return _ratio(
    l2(image, reference, mask=mask),
    _mean(jnp.square(_from_black(reference)), mask),
  )


def psnr(image, reference, *, mask=None):
  """Returns the peak signal-to-noise ratio in dB; infinite for equal images."""
  return -10 * jnp.log10(l2(image, reference, mask=mask))


def ssim(image, reference, *, mask=None):
  """Returns the structural similarity of each picture, at most 1.

  The mean over channels and over windows of 11 x 11 pixels, weighted by a
  Gaussian of standard deviation 1.5. With a mask, over windows with their
  centre in the hole, NaN without any. Both sides need at least 11 pixels.

  Source: Wang et al. 2004, computed by dm_pix.
  """
  # Optional: training does not need it.
  import dm_pix

  similarity = dm_pix.ssim(
    _from_black(image), _from_black(reference), return_map=True, filter_fn=_blur
  )  # [B, H - 10, W - 10, 3]
  if mask is None:
    return jnp.mean(similarity, axis=(1, 2, 3))
  edge = SSIM_WINDOW // 2
  middle = mask[:, edge:-edge, edge:-edge]
  return jnp.sum(similarity * middle, axis=(1, 2, 3)) / (
    similarity.shape[-1] * jnp.sum(middle, axis=(1, 2, 3))
  )


def total_variation(image, *, mask=None, known=None):
  """Returns the total variation per value, on pixel values in [0, 1].

  sum |x[i, j + 1] - x[i, j]| + |x[i + 1, j] - x[i, j]|, divided by the number
  of values. With a mask, the sum is over pairs with at least one pixel in the
  hole, so that a visible border counts, and the divisor counts only the hole.
  With `known`, a mask likewise, only pairs with both pixels in it count.
  """
  across = jnp.abs(jnp.diff(image, axis=2)) / _RANGE
  down = jnp.abs(jnp.diff(image, axis=1)) / _RANGE
  if known is not None:
    across *= known[:, :, 1:] * known[:, :, :-1]
    down *= known[:, 1:] * known[:, :-1]
  if mask is None:
    mask = jnp.ones((*image.shape[:3], 1), image.dtype)
  total = jnp.sum(
    across * jnp.maximum(mask[:, :, 1:], mask[:, :, :-1]), axis=(1, 2, 3)
  ) + jnp.sum(down * jnp.maximum(mask[:, 1:], mask[:, :-1]), axis=(1, 2, 3))
  count = image.shape[-1] * jnp.sum(mask, axis=(1, 2, 3))
  return total / jnp.maximum(count, 1)


def chroma(image, *, mask=None):
  """Returns the mean of max - min over RGB, a measure of colourfulness."""
  colours = jnp.max(image, axis=-1) - jnp.min(image, axis=-1)
  return _mean(colours[..., None] / _RANGE, mask)


def contrast(image, *, mask=None):
  """Returns the standard deviation over pixels, averaged over channels."""
  if mask is None:
    mask = jnp.ones((*image.shape[:3], 1), image.dtype)
  count = jnp.maximum(jnp.sum(mask, axis=(1, 2), keepdims=True), 1)
  mean = lambda x: jnp.sum(x * mask, axis=(1, 2), keepdims=True) / count
  image = _from_black(image)
  variance = mean(jnp.square(image - mean(image)))
  return jnp.mean(jnp.sqrt(variance), axis=(1, 2, 3))


def _from_black(image):
  """Maps [-1, 1] to [0, 1]."""
  return (image + 1) / _RANGE


def _blur(image):
  """Averages over windows, `[B, H, W, 3]` to `[B, H - 10, W - 10, 3]`.

  As sums of shifted pictures, ten times as fast on CPUs as dm_pix's filter.
  """
  place = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
  weights = np.exp(-0.5 * (place / _SSIM_DEVIATION) ** 2)
  weights = (weights / weights.sum()).astype(np.float32)
  height, width = (side - SSIM_WINDOW + 1 for side in image.shape[1:3])
  image = sum(w * image[:, i : i + height] for i, w in enumerate(weights))
  return sum(w * image[:, :, i : i + width] for i, w in enumerate(weights))


def _mean(error, mask):
  if mask is None:
    return jnp.mean(error, axis=(1, 2, 3))
  total = jnp.sum(error * mask, axis=(1, 2, 3))
  count = error.shape[-1] * jnp.sum(mask, axis=(1, 2, 3))
  return total / jnp.maximum(count, 1)


def _ratio(error, size):
  """Divides; 0 / 0 is 0."""
  return error / jnp.where(error == 0, 1, size)
