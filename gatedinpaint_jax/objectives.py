"""The training losses of both networks, and the metrics logged with them.

Networks are modules, `batch` is a `Batch`, `weights` are `losses.LossWeights`.
"""

import jax
import jax.numpy as jnp

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import losses
from gatedinpaint_jax.networks import patch_discriminator


def discriminator_objective(
  params, spectral, *, discriminator, batch, completed, weights
):
  """Returns the discriminator's hinge loss, over all patches.

  Differentiate with respect to `params`, its own; no gradient flows into the
  completed pictures.

  Returns:
    `(loss, (spectral, metrics))`, with the power iteration `spectral` advanced
    by one step.
  """
  twice = lambda x: None if x is None else jnp.concatenate([x, x])
  # Real and completed pictures in one call: one step of the power iteration.
  scores, changed = discriminator.apply(
    {"params": params, patch_discriminator.SPECTRAL: spectral},
    jnp.concatenate([batch.image, jax.lax.stop_gradient(completed)]),
    twice(batch.mask),
    twice(batch.sketch),
    update_stats=True,
    mutable=[patch_discriminator.SPECTRAL],
  )
  real, fake = jnp.split(scores, 2)
  spectral = changed[patch_discriminator.SPECTRAL]
  loss = weights.discriminator * losses.hinge_discriminator(
    real_scores=real, fake_scores=fake
  )
  norms = patch_discriminator.spectral_norms(spectral)
  return loss, (
    spectral,
    {
      "discriminator_loss": loss,
      "real_score": jnp.mean(real),
      "fake_score": jnp.mean(fake),
      **{f"spectral_norm/{name}": norm for name, norm in norms.items()},
    },
  )


def pixel_objective(coarse, refined, *, batch, weights):
  """Returns `(loss, metrics)`: l1 of both predictions against the picture.

  Differentiate with respect to the predictions.
  """
  # The raw predictions before compositing, at all pixels, as in the paper.
  pixels = 1.0
  if not weights.has_uniform_pixels or batch.unknown is not None:
    pixels = losses.pixel_weight(
      batch.mask,
      hole=weights.hole,
      known=weights.known,
      separate_means=weights.separate_means,
      unknown=batch.unknown,
    )
  l1_coarse = losses.l1(coarse, batch.image, pixels)
  l1_refined = losses.l1(refined, batch.image, pixels)
  loss = weights.l1_coarse * l1_coarse + weights.l1_refined * l1_refined
  return loss, {
    "l1_coarse": l1_coarse,
    "l1_refined": l1_refined,
    "hole_fraction": jnp.mean(batch.mask),
  }


def adversarial_objective(
  refined,
  *,
  discriminator,
  discriminator_variables,
  batch,
  weights,
  gan_loss=losses.hinge_generator,
):
  """Returns `(loss, metrics)`: the generator's adversarial loss.

  Differentiate with respect to the refined prediction. `gan_loss` is of the
  scores of completed pictures.
  """
  scores = discriminator.apply(
    discriminator_variables,
    batch_lib.complete(refined, batch),
    batch.mask,
    batch.sketch,
    update_stats=False,
  )
  loss = gan_loss(scores)
  return weights.adversarial * loss, {"adversarial_loss": loss}
