"""What the networks of other papers minimize; see `training.objectives`."""

import dataclasses

import jax
import jax.numpy as jnp

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.baselines import losses
from gatedinpaint_jax.networks import patch_discriminator


@dataclasses.dataclass(frozen=True)
class LossWeights:
  """Which losses there are and how much each counts: all of `config.loss`."""

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


def discriminator_objective(
  params, spectral, *, discriminator, batch, completed, share, weights
):
  """Scores real and completed pictures against each other.

  They are scored apart, as batch normalization needs it.

  Args:
    params: parameters of the discriminator; differentiate with respect to it.
    spectral: its power iteration before this step, or None if it has none.
    discriminator: the module.
    batch: a `Batch`.
    completed: pictures with filled holes, as `batch.image`; a constant here.
    share: `[B]`, for `losses.gradient_penalty`, where that has a weight.
    weights: `LossWeights`.

  Returns:
    `(loss, (spectral, metrics))`, the power iteration one step further.
  """
  completed = jax.lax.stop_gradient(completed)
  variables = {"params": params}
  if spectral is not None:
    variables[patch_discriminator.SPECTRAL] = spectral

  def score(image):
    return discriminator.apply(
      variables,
      image,
      batch.mask,
      batch.sketch,
      update_stats=spectral is not None,
      mutable=[patch_discriminator.SPECTRAL],
    )

  # The power iteration depends on the kernels alone: both calls move it alike.
  (real, _), (fake, changed) = score(batch.image), score(completed)
  compare, _ = losses.GANS[weights.gan]
  loss = weights.discriminator * compare(real_scores=real, fake_scores=fake)
  metrics = {"real_score": jnp.mean(real), "fake_score": jnp.mean(fake)}
  if weights.gradient_penalty:
    penalty = losses.gradient_penalty(
      lambda image: score(image)[0], batch.image, completed, batch.mask, share
    )
    loss += weights.gradient_penalty * penalty
    metrics["gradient_penalty"] = penalty
  if spectral is not None:
    spectral = changed[patch_discriminator.SPECTRAL]
    norms = patch_discriminator.spectral_norms(spectral)
    metrics |= {f"spectral_norm/{name}": norm for name, norm in norms.items()}
  return loss, (spectral, metrics | {"discriminator_loss": loss})


def pixel_objective(coarse, refined, *, batch, weights):
  """Compares both predictions with the picture; returns `(loss, metrics)`."""
  distance = losses.DISTANCES[weights.distance]
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
  """Scores completed pictures; returns `(loss, metrics)` of the generator."""
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
