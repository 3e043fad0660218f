"""Losses of the paper as pure functions of arrays, each with weight 1.

No function broadcasts: shapes that differ are an error, because a loss that
broadcasts silently is the classic mistake.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gatedinpaint_jax.baselines import hole_distance, hole_window


def l1(
  prediction: jax.Array, target: jax.Array, weight: jax.Array | float = 1.0
) -> jax.Array:
  """Returns the mean of weight * |prediction - target| over everything.

  Args:
    prediction: `[B, H, W, C]`, float.
    target: the same shape.
    weight: of each pixel, `[B, H, W, 1]`, or of all, as in the released
      program.

  Returns:
    Scalar. With weight 1 and pictures in [-1, 1] it is in [0, 2].

  Raises:
    ValueError: if the shapes differ.
  """
  _check_pixels(prediction, target, weight)
  return jnp.mean(weight * jnp.abs(prediction - target))


def l2(
  prediction: jax.Array, target: jax.Array, weight: jax.Array | float = 1.0
) -> jax.Array:
  """Returns the mean of weight * (prediction - target)^2; see `l1`."""
  _check_pixels(prediction, target, weight)
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
  """Returns how much each pixel counts in `l1` or `l2`, `[B, H, W, 1]`.

  Args:
    mask: `[B, H, W, 1]`, 1 = hole.
    hole: of the pixels in holes.
    known: of all others.
    discount: in (0, 1]: d pixels inside of a hole, its weight is multiplied by
      discount^(d - 1), for there are more ways to fill its middle than its rim.
    window: how much more known pixels count in the window on the hole, which
      has half of each side of the picture; see `hole_window.cut`.
    separate_means: divide both by the share of the picture that they have, so
      that `l1` becomes hole * (mean over the hole) + known * (mean over the
      rest) of each picture, whatever the size of its hole.

  Source: Liu et al. 2018, section 3.3 (hole and known); Yu et al. 2018, section
  3.2 (discount), and the loss of its program (window).
  """
  if window:
    known = known + window * hole_window.inside(mask)
  if discount < 1:
    inside = jnp.maximum(hole_distance.hole_distance(mask) - 1, 0)
    hole = hole * discount**inside
  of_hole, of_rest = hole * mask, known * (1 - mask)
  if separate_means:
    share = jnp.mean(mask, axis=(1, 2, 3), keepdims=True)
    # A picture without a hole, or without a rest, has no such mean.
    one_pixel = 1 / (mask.shape[1] * mask.shape[2])
    of_hole /= jnp.maximum(share, one_pixel)
    of_rest /= jnp.maximum(1 - share, one_pixel)
  return of_hole + of_rest


def hinge_discriminator(
  *, real_scores: jax.Array, fake_scores: jax.Array
) -> jax.Array:
  """Returns the hinge loss that pushes real above 1 and fake below -1.

  Args:
    real_scores: scores of real pictures, any shape, float.
    fake_scores: scores of completed pictures, the same shape.

  Returns:
    Scalar, at least 0; exactly 0 once every score is past its margin.

  Raises:
    ValueError: if the shapes differ.

  Source: Yu et al. 2019, equation 3. The released program halves it; here that
  is the weight `config.loss.discriminator`.
  """
  _check_same_shape(real_scores=real_scores, fake_scores=fake_scores)
  return jnp.mean(jax.nn.relu(1 - real_scores)) + jnp.mean(
    jax.nn.relu(1 + fake_scores)
  )


def hinge_generator(fake_scores: jax.Array) -> jax.Array:
  """Returns minus the mean score: falls as completed pictures look real."""
  return -jnp.mean(fake_scores)


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
  _check_same_shape(real_scores=real_scores, fake_scores=fake_scores)
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
  _check_same_shape(real_scores=real_scores, fake_scores=fake_scores)
  return jnp.mean(jax.nn.softplus(-real_scores)) + jnp.mean(
    jax.nn.softplus(fake_scores)
  )


def non_saturating_generator(fake_scores: jax.Array) -> jax.Array:
  """Returns the cross entropy of passing for real, of logits."""
  return jnp.mean(jax.nn.softplus(-fake_scores))


# config.loss.gan -> (loss of the discriminator, of the generator).
GANS = {
  "hinge": (hinge_discriminator, hinge_generator),
  "wasserstein": (wasserstein_discriminator, wasserstein_generator),
  "non_saturating": (non_saturating_discriminator, non_saturating_generator),
}
# config.loss.distance -> loss of the pixels.
DISTANCES = {"l1": l1, "l2": l2}


def _check_pixels(prediction, target, weight):
  _check_same_shape(prediction=prediction, target=target)
  if jnp.ndim(weight) and weight.shape != (*target.shape[:-1], 1):
    raise ValueError(f"weight {weight.shape} of pictures {target.shape}.")


def _check_same_shape(**arrays):
  (name_a, a), (name_b, b) = arrays.items()
  if a.shape != b.shape:
    raise ValueError(f"{name_a} {a.shape} and {name_b} {b.shape} differ.")
