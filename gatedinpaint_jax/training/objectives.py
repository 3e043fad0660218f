"""What each network minimises, with the numbers worth watching."""

import dataclasses

import jax
import jax.numpy as jnp

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import losses
from gatedinpaint_jax.networks import patch_discriminator


@dataclasses.dataclass(frozen=True)
class LossWeights:
  """How much each loss counts; see `config.loss`."""

  l1_coarse: float = 1.0
  l1_refined: float = 1.0
  adversarial: float = 1.0
  discriminator: float = 0.5


def discriminator_objective(
  params, spectral, *, discriminator, batch, completed, weights
):
  """Scores real and completed pictures against each other.

  Args:
    params: parameters of the discriminator; differentiate with respect to it.
    spectral: its power iteration before this step.
    discriminator: the module.
    batch: a `Batch`.
    completed: pictures with filled holes, as `batch.image`; a constant here.
    weights: `LossWeights`.

  Returns:
    `(loss, (spectral, metrics))`, the power iteration one step further.
  """
  # One call for both: the power iteration moves once per update.
  pictures = _real_and_completed(batch, jax.lax.stop_gradient(completed))
  scores, changed = discriminator.apply(
    {"params": params, patch_discriminator.SPECTRAL: spectral},
    *pictures,
    update_stats=True,
    mutable=[patch_discriminator.SPECTRAL],
  )
  real, fake = jnp.split(scores, 2)
  hinge = losses.hinge_discriminator(real_scores=real, fake_scores=fake)
  loss = weights.discriminator * hinge
  spectral = changed[patch_discriminator.SPECTRAL]
  norms = patch_discriminator.spectral_norms(spectral)
  metrics = {
    "discriminator_loss": loss,
    "real_score": jnp.mean(real),
    "fake_score": jnp.mean(fake),
    **{f"spectral_norm/{name}": norm for name, norm in norms.items()},
  }
  return loss, (spectral, metrics)


def generator_objective(
  coarse, refined, *, discriminator, discriminator_variables, batch, weights
):
  """Compares both predictions with the picture, and asks the discriminator.

  Args:
    coarse: prediction of the coarse network; differentiate with respect to it.
    refined: prediction of the refinement network, likewise.
    discriminator: the module.
    discriminator_variables: its parameters and power iteration, which stays.
    batch: a `Batch`.
    weights: `LossWeights`.

  Returns:
    `(loss, metrics)`.
  """
  completed = batch_lib.composite(refined, batch.image, batch.mask)
  scores = discriminator.apply(
    discriminator_variables,
    completed,
    batch.mask,
    batch.sketch,
    update_stats=False,
  )
  adversarial = losses.hinge_generator(scores)
  # Raw predictions over all pixels: the known ones teach the networks to copy.
  l1_coarse = losses.l1(coarse, batch.image)
  l1_refined = losses.l1(refined, batch.image)
  loss = (
    weights.adversarial * adversarial
    + weights.l1_coarse * l1_coarse
    + weights.l1_refined * l1_refined
  )
  metrics = {
    "generator_loss": loss,
    "adversarial_loss": adversarial,
    "l1_coarse": l1_coarse,
    "l1_refined": l1_refined,
    "hole_fraction": jnp.mean(batch.mask),
  }
  return loss, metrics


def _real_and_completed(batch, completed):
  """Stacks both kinds of picture, real first: (image, mask, sketch)."""
  twice = lambda x: None if x is None else jnp.concatenate([x, x])
  image = jnp.concatenate([batch.image, completed])
  return image, twice(batch.mask), twice(batch.sketch)
