"""The window on a hole, the input of local discriminators.

Source: Iizuka et al. 2017, section 3.3; Yu et al. 2018, section 3.2.
"""

import jax
import jax.numpy as jnp


def cut(image: jax.Array, mask: jax.Array) -> jax.Array:
  """Cuts `[B, H // 2, W // 2, C]` from `[B, H, W, C]`, centred on the hole.

  The window is centred on the bounding box of the hole, or on the picture
  without one, and shifted to lie inside the picture.
  """
  height, width = image.shape[1] // 2, image.shape[2] // 2
  is_hole = mask[..., 0] > 0.5
  tops = _starts(is_hole.any(axis=2), height)
  lefts = _starts(is_hole.any(axis=1), width)
  take = lambda x, top, left: jax.lax.dynamic_slice(
    x, (top, left, 0), (height, width, x.shape[-1])
  )
  return jax.vmap(take)(image, tops, lefts)


def inside(mask: jax.Array) -> jax.Array:
  """Returns `[B, H, W, 1] float32`: 1 inside the window of `cut`, else 0."""
  is_hole = mask[..., 0] > 0.5
  rows, columns = (_inside_along(is_hole.any(axis)) for axis in (2, 1))
  window = rows[:, :, None] & columns[:, None, :]
  return window[..., None].astype(jnp.float32)


def _inside_along(is_hole):
  """Returns whether each position along an axis is in the window, `[B, N]`."""
  length = is_hole.shape[1]
  starts = _starts(is_hole, length // 2)[:, None]
  positions = jnp.arange(length)[None]
  return (positions >= starts) & (positions < starts + length // 2)


def _starts(is_hole, size):
  """Returns the first positions `[B]` of windows, from holes `[B, N]`."""
  length = is_hole.shape[1]
  first = jnp.argmax(is_hole, axis=1)
  last = length - 1 - jnp.argmax(is_hole[:, ::-1], axis=1)
  # Without a hole, argmax is 0 and the bounding box covers the entire picture.
  return jnp.clip((first + last + 1 - size) // 2, 0, length - size)
