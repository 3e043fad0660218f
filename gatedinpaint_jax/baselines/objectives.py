"""Training losses of other papers; the counterpart of `objectives`."""

import jax
import jax.numpy as jnp

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.baselines import losses
from gatedinpaint_jax.networks import patch_discriminator


def discriminator_objective(
  params, spectral, *, discriminator, batch, completed, epsilon, weights
):
  """Returns the discriminator's `(loss, (spectral, metrics))`.

  As in `objectives`, except that `spectral` may be None and that
  `epsilon` is for `losses.gradient_penalty`.
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

  # Separate calls, for batch normalization. The power iteration depends on the
  # kernels alone, so that both calls advance it identically.
  (real, _), (fake, changed) = score(batch.image), score(completed)
  gan_loss, _ = losses.GANS[weights.gan]
  loss = weights.discriminator * gan_loss(real_scores=real, fake_scores=fake)
  metrics = {"real_score": jnp.mean(real), "fake_score": jnp.mean(fake)}
  if weights.gradient_penalty:
    penalty = losses.gradient_penalty(
      lambda image: score(image)[0],
      batch.image,
      completed,
      batch_lib.scored(batch),
      epsilon,
    )
    loss += weights.gradient_penalty * penalty
    metrics["gradient_penalty"] = penalty
  if spectral is not None:
    spectral = changed[patch_discriminator.SPECTRAL]
    norms = patch_discriminator.spectral_norms(spectral)
    metrics |= {f"spectral_norm/{name}": norm for name, norm in norms.items()}
  return loss, (spectral, metrics | {"discriminator_loss": loss})


def pixel_objective(coarse, refined, *, batch, weights):
  """Returns `(loss, metrics)` of both predictions against the picture."""
  distance = losses.DISTANCES[weights.distance]
  pixels = losses.pixel_weight(
    batch.mask,
    hole=weights.hole,
    known=weights.known,
    discount=weights.discount,
    window=weights.window,
    separate_means=weights.separate_means,
    unknown=batch.unknown,
  )
  loss_coarse = distance(coarse, batch.image, pixels)
  loss_refined = distance(refined, batch.image, pixels)
  loss = weights.l1_coarse * loss_coarse + weights.l1_refined * loss_refined
  return loss, {
    f"{weights.distance}_coarse": loss_coarse,
    f"{weights.distance}_refined": loss_refined,
    "hole_fraction": jnp.mean(batch.mask),
  }
