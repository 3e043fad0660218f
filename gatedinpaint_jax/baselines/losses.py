"""Losses of other papers, as those of `gatedinpaint_jax.losses`."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gatedinpaint_jax import losses
from gatedinpaint_jax.baselines import hole_distance, hole_window


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
) -> jax.Array:
  """Returns how much each pixel counts, `[B, H, W, 1]`.

  Args:
    mask: `[B, H, W, 1]`, 1 = hole.
    hole: weight of the pixels in holes.
    known: weight of all others.
    discount: in (0, 1]: d pixels inside of a hole, its weight is multiplied by
      discount^(d - 1), for there are more ways to fill its middle than its rim.
    window: added to the weight of known pixels in the window on the hole, which
      has half of each side of the picture; see `hole_window.cut`.
    separate_means: see `losses.pixel_weight`.

  Source: Yu et al. 2018, section 3.2 (discount), and the loss of its program
  (window).
  """
  if window:
    known = known + window * hole_window.inside(mask)
  if discount < 1:
    inside = jnp.maximum(hole_distance.hole_distance(mask) - 1, 0)
    hole = hole * discount**inside
  return losses.pixel_weight(
    mask, hole=hole, known=known, separate_means=separate_means
  )


def wasserstein_discriminator(
  *, real_scores: jax.Array, fake_scores: jax.Array
) -> jax.Array:
  """Returns how far real pictures are scored below completed ones.

  Args:
    real_scores: scores of real pictures, `[B, critics]`, float.
    fake_scores: scores of completed pictures, the same shape.

  Returns:
    Scalar: a mean over pictures of the sum over critics. Needs a
    `gradient_penalty`, or it falls without bound.

  Raises:
    ValueError: if the shapes differ.

  Source: Arjovsky et al. 2017, algorithm 1; Yu et al. 2018, section 3.2.
  """
  losses.check_same_shape(real_scores=real_scores, fake_scores=fake_scores)
  return jnp.mean(jnp.sum(fake_scores - real_scores, axis=1))


def wasserstein_generator(fake_scores: jax.Array) -> jax.Array:
  """Returns minus the sum over critics, a mean over pictures."""
  return -jnp.mean(jnp.sum(fake_scores, axis=1))


def gradient_penalty(
  scores: Callable[[jax.Array], jax.Array],
  real: jax.Array,
  fake: jax.Array,
  mask: jax.Array,
  share: jax.Array,
) -> jax.Array:
  """Returns how far each critic's slope inside the hole is from 1.

  Args:
    scores: from pictures to `[B, critics]`, each picture by itself.
    real: `[B, H, W, 3]`.
    fake: the same, completed.
    mask: `[B, H, W, 1]`; known pixels are the same in both and do not count.
    share: `[B]` in [0, 1], of the real picture in the mixture where the slope
      is taken.

  Returns:
    Scalar: a mean over pictures of the sum over critics of (norm - 1)^2.

  Source: Gulrajani et al. 2017, equation 3; Yu et al. 2018, equation 3 (mask).
  """
  share = share[:, None, None, None]
  values, pullback = jax.vjp(scores, share * real + (1 - share) * fake)
  total = 0.0
  for critic in range(values.shape[1]):
    (slope,) = pullback(jnp.zeros_like(values).at[:, critic].set(1))
    squared = jnp.sum(jnp.square(slope * mask), axis=(1, 2, 3))
    # The root's own slope is infinite at 0, which a dead critic reaches.
    norm = jnp.sqrt(jnp.maximum(squared, 1e-12))
    total += jnp.mean(jnp.square(norm - 1))
  return total


def non_saturating_discriminator(
  *, real_scores: jax.Array, fake_scores: jax.Array
) -> jax.Array:
  """Returns the cross entropy of telling real from completed pictures.

  Args:
    real_scores: logits of real pictures, any shape, float.
    fake_scores: logits of completed pictures, the same shape.

  Returns:
    Scalar, at least 0; 2 * log(2) for who cannot tell.

  Raises:
    ValueError: if the shapes differ.

  Source: Goodfellow et al. 2014, section 3; Iizuka et al. 2017, equation 3.
  """
  losses.check_same_shape(real_scores=real_scores, fake_scores=fake_scores)
  return jnp.mean(jax.nn.softplus(-real_scores)) + jnp.mean(
    jax.nn.softplus(fake_scores)
  )


def non_saturating_generator(fake_scores: jax.Array) -> jax.Array:
  """Returns the cross entropy of passing for real, of logits."""
  return jnp.mean(jax.nn.softplus(-fake_scores))


# config.loss.gan -> (loss of the discriminator, of the generator).
GANS = {
  "hinge": (losses.hinge_discriminator, losses.hinge_generator),
  "wasserstein": (wasserstein_discriminator, wasserstein_generator),
  "non_saturating": (non_saturating_discriminator, non_saturating_generator),
}
# config.loss.distance -> loss of the pixels.
DISTANCES = {"l1": losses.l1, "l2": l2}
