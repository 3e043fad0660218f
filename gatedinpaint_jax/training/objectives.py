"""What each network minimises, with the numbers worth watching."""

import dataclasses

import jax
import jax.numpy as jnp

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import losses
from gatedinpaint_jax.networks import patch_discriminator


@dataclasses.dataclass(frozen=True)
class LossWeights:
  """Which losses there are and how much each counts; see `config.loss`."""

  l1_coarse: float = 1.0
  l1_refined: float = 1.0
  distance: str = "l1"
  hole: float = 1.0
  known: float = 1.0
  window: float = 0.0
  discount: float = 1.0
  separate_means: bool = False
  adversarial: float = 1.0
  discriminator: float = 0.5
  gan: str = "hinge"
  gradient_penalty: float = 0.0

  @property
  def counts_pixels_alike(self) -> bool:
    """Whether hole and known pixels count alike, as in the paper."""
    return (
      self.hole == self.known == self.discount == 1
      and not self.window
      and not self.separate_means
    )


def discriminator_objective(
  params, spectral, *, discriminator, batch, completed, weights, share=None
):
  """Scores real and completed pictures against each other.

  Args:
    params: parameters of the discriminator; differentiate with respect to it.
    spectral: its power iteration before this step, or None if it has none.
    discriminator: the module.
    batch: a `Batch`.
    completed: pictures with filled holes, as `batch.image`; a constant here.
    weights: `LossWeights`.
    share: `[B]`, for `losses.gradient_penalty`, where that has a weight.

  Returns:
    `(loss, (spectral, metrics))`, the power iteration one step further.
  """
  completed = jax.lax.stop_gradient(completed)
  score = _score_apart if spectral is None else _score_at_once
  real, fake, spectral = score(
    discriminator, params, spectral, batch, completed
  )
  compare, _ = losses.GANS[weights.gan]
  loss = weights.discriminator * compare(real_scores=real, fake_scores=fake)
  metrics = {
    "real_score": jnp.mean(real),
    "fake_score": jnp.mean(fake),
  }
  if weights.gradient_penalty:
    penalty = losses.gradient_penalty(
      lambda image: discriminator.apply({"params": params}, image, batch.mask),
      batch.image,
      completed,
      batch.mask,
      share,
    )
    loss += weights.gradient_penalty * penalty
    metrics["gradient_penalty"] = penalty
  metrics["discriminator_loss"] = loss
  if spectral is not None:
    norms = patch_discriminator.spectral_norms(spectral)
    metrics |= {f"spectral_norm/{name}": norm for name, norm in norms.items()}
  return loss, (spectral, metrics)


def pixel_objective(coarse, refined, *, batch, weights):
  """Compares both predictions with the picture.

  Args:
    coarse: prediction of the coarse network; differentiate with respect to it.
    refined: prediction of the refinement network, likewise.
    batch: a `Batch`.
    weights: `LossWeights`.

  Returns:
    `(loss, metrics)`.
  """
  # Raw predictions, all pixels: the known ones teach the networks to copy.
  distance = losses.DISTANCES[weights.distance]
  pixels = 1.0
  if not weights.counts_pixels_alike:
    pixels = losses.pixel_weight(
      batch.mask,
      hole=weights.hole,
      known=weights.known,
      discount=weights.discount,
      window=weights.window,
      separate_means=weights.separate_means,
    )
  to_coarse = distance(coarse, batch.image, pixels)
  to_refined = distance(refined, batch.image, pixels)
  loss = weights.l1_coarse * to_coarse + weights.l1_refined * to_refined
  return loss, {
    f"{weights.distance}_coarse": to_coarse,
    f"{weights.distance}_refined": to_refined,
    "hole_fraction": jnp.mean(batch.mask),
  }


def adversarial_objective(
  refined, *, discriminator, discriminator_variables, batch, weights
):
  """Scores completed pictures, which are to pass for real.

  Args:
    refined: prediction of the refinement network; differentiate with respect
      to it.
    discriminator: the module.
    discriminator_variables: its parameters and power iteration, which stays.
    batch: a `Batch`.
    weights: `LossWeights`.

  Returns:
    `(loss, metrics)`.
  """
  scores = discriminator.apply(
    discriminator_variables,
    batch_lib.composite(refined, batch.image, batch.mask),
    batch.mask,
    batch.sketch,
    update_stats=False,
  )
  _, pass_for_real = losses.GANS[weights.gan]
  loss = pass_for_real(scores)
  return weights.adversarial * loss, {"adversarial_loss": loss}


def _score_at_once(discriminator, params, spectral, batch, completed):
  """Returns scores of both kinds and the power iteration, moved once."""
  twice = lambda x: None if x is None else jnp.concatenate([x, x])
  scores, changed = discriminator.apply(
    {"params": params, patch_discriminator.SPECTRAL: spectral},
    jnp.concatenate([batch.image, completed]),
    twice(batch.mask),
    twice(batch.sketch),
    update_stats=True,
    mutable=[patch_discriminator.SPECTRAL],
  )
  real, fake = jnp.split(scores, 2)
  return real, fake, changed[patch_discriminator.SPECTRAL]


def _score_apart(discriminator, params, spectral, batch, completed):
  """Returns the same by two calls, as batch normalization needs it."""
  real, fake = (
    discriminator.apply({"params": params}, image, batch.mask, batch.sketch)
    for image in (batch.image, completed)
  )
  return real, fake, spectral
