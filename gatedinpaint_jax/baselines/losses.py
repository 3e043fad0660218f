"""Losses of other papers, with the conventions of `gatedinpaint_jax.losses`."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

from gatedinpaint_jax import losses
from gatedinpaint_jax.baselines import hole_window


@dataclasses.dataclass(frozen=True)
class LossWeights(losses.LossWeights):
  """Kinds and weights of the losses: all keys of `config.loss`."""

  distance: str = "l1"
  window: float = 0.0
  discount: float = 1.0
  gan: str = "hinge"
  gradient_penalty: float = 0.0


def l2(
  prediction: jax.Array, target: jax.Array, weight: jax.Array | float = 1.0
) -> jax.Array:
  """Returns the mean of weight * (prediction - target)^2; see `losses.l1`."""
  losses.check_pixels(prediction, target, weight)
  return jnp.mean(weight * jnp.square(prediction - target))


def pixel_weight(
  mask: jax.Array,
  *,
  hole: float,
  known: float,
  discount: float,
  window: float = 0.0,
  separate_means: bool = False,
  unknown: jax.Array | None = None,
) -> jax.Array:
  """Returns the weight of each pixel, as `losses.pixel_weight` with two terms.

  `window` is added to the weight of known pixels inside `hole_window.cut`. The
  weight of a hole pixel at distance d from the nearest known one is multiplied
  by `discount`^(d - 1), in (0, 1], because the centre of a hole is more
  ambiguous than its border.

  Source: Yu et al. 2018, section 3.2 (discount); its released program (window).
  """
  if window:
    known = known + window * hole_window.inside(mask)
  if discount < 1:
    depth = jnp.maximum(hole_distance(mask) - 1, 0)
    hole = hole * discount**depth
  return losses.pixel_weight(
    mask,
    hole=hole,
    known=known,
    separate_means=separate_means,
    unknown=unknown,
  )


def hole_distance(mask: jax.Array) -> jax.Array:
  """Returns the Euclidean distance of each pixel to the nearest known one.

  `[B, H, W, 1] float32`, in pixels: 0 at known pixels, 1 at the border of a
  hole, infinite if a picture has no known pixel.
  """
  height, width = mask.shape[1:3]
  rows = jnp.arange(height)[None, :, None]
  columns = jnp.arange(width)[None, None]
  # distance(i, j)^2 = min over rows k of (i - k)^2 + in_row(k, j)^2. The scan
  # over k needs no array larger than a mask.
  in_row = _distance_in_row(mask[..., 0] < 0.5, columns)

  def add_row(nearest, row):
    distance = jax.lax.dynamic_slice_in_dim(in_row, row, 1, axis=1)
    return jnp.minimum(nearest, distance**2 + (rows - row) ** 2), None

  infinity = jnp.full_like(in_row, jnp.inf)
  squared, _ = jax.lax.scan(add_row, infinity, jnp.arange(height))
  return jnp.sqrt(squared)[..., None]


def _distance_in_row(is_known, columns):
  """Returns the distance to the nearest known pixel in the same row."""
  before = jnp.where(is_known, columns, -jnp.inf)
  after = jnp.where(is_known, columns, jnp.inf)
  return jnp.minimum(
    columns - jax.lax.cummax(before, axis=2),
    jax.lax.cummin(after, axis=2, reverse=True) - columns,
  )


def wasserstein_discriminator(
  *, real_scores: jax.Array, fake_scores: jax.Array
) -> jax.Array:
  """Returns E[D(fake)] - E[D(real)], summed over critics, of `[B, critics]`.

  It is unbounded below without a `gradient_penalty`.

  Source: Arjovsky et al. 2017, algorithm 1; Yu et al. 2018, section 3.2.
  """
  losses.check_same_shape(real_scores=real_scores, fake_scores=fake_scores)
  return jnp.mean(jnp.sum(fake_scores - real_scores, axis=1))


def wasserstein_generator(fake_scores: jax.Array) -> jax.Array:
  """Returns -E[D(fake)], summed over critics."""
  return -jnp.mean(jnp.sum(fake_scores, axis=1))


def gradient_penalty(
  scores: Callable[[jax.Array], jax.Array],
  real: jax.Array,
  fake: jax.Array,
  mask: jax.Array,
  epsilon: jax.Array,
) -> jax.Array:
  """Returns E[(||grad D(x) * mask|| - 1)^2], summed over critics.

  x = epsilon * real + (1 - epsilon) * fake, `[B, H, W, C]`, with `epsilon [B]`
  in [0, 1]. Gradients at known pixels, where `mask [B, H, W, 1]` is 0, are
  ignored. `scores` maps pictures to `[B, critics]`, one by one.

  Source: Gulrajani et al. 2017, equation 3; Yu et al. 2018, equation 3 (mask).
  """
  epsilon = epsilon[:, None, None, None]
  values, pullback = jax.vjp(scores, epsilon * real + (1 - epsilon) * fake)
  total = 0.0
  for critic in range(values.shape[1]):
    (gradient,) = pullback(jnp.zeros_like(values).at[:, critic].set(1))
    squared = jnp.sum(jnp.square(gradient * mask), axis=(1, 2, 3))
    # The derivative of the root is infinite at 0, which a dead critic reaches.
    norm = jnp.sqrt(jnp.maximum(squared, 1e-12))
    total += jnp.mean(jnp.square(norm - 1))
  return total


def non_saturating_discriminator(
  *, real_scores: jax.Array, fake_scores: jax.Array
) -> jax.Array:
  """Returns -E[log sigmoid(D(real))] - E[log(1 - sigmoid(D(fake)))], of logits.

  It is at least 0, and 2 * log(2) if all logits are 0.

  Source: Goodfellow et al. 2014, section 3; Iizuka et al. 2017, equation 3.
  """
  losses.check_same_shape(real_scores=real_scores, fake_scores=fake_scores)
  return jnp.mean(jax.nn.softplus(-real_scores)) + jnp.mean(
    jax.nn.softplus(fake_scores)
  )


def non_saturating_generator(fake_scores: jax.Array) -> jax.Array:
  """Returns -E[log sigmoid(D(fake))], of logits."""
  return jnp.mean(jax.nn.softplus(-fake_scores))


# config.loss.gan -> (discriminator loss, generator loss).
GANS = {
  "hinge": (losses.hinge_discriminator, losses.hinge_generator),
  "wasserstein": (wasserstein_discriminator, wasserstein_generator),
  "non_saturating": (non_saturating_discriminator, non_saturating_generator),
}
# config.loss.distance -> pixel loss.
DISTANCES = {"l1": losses.l1, "l2": l2}
