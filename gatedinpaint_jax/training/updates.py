"""What a training step consists of: predictions, gradients and updates.

`setup` is a `training.step.Setup` throughout.
"""

import jax
import jax.numpy as jnp
import optax

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.baselines import batch_norm
from gatedinpaint_jax.training import objectives, phases
from gatedinpaint_jax.training import state as state_lib

Metrics = dict[str, jax.Array]


def generate(params, batch, *, setup):
  """Returns the predictions `(coarse, refined)` of the generator.

  And, as a second value, new running statistics of its batch normalization,
  which only some generators have.
  """
  output, changed = setup.generator.apply(
    {"params": params},
    batch_lib.erase(batch.image, batch.mask),
    batch.mask,
    batch.sketch,
    mutable=[batch_norm.STATISTICS],
  )
  statistics = changed.get(batch_norm.STATISTICS, {})
  return (output.coarse, output.refined), statistics


def discriminator_gradient(
  state: state_lib.TrainState, batch, predictions, shares=None, *, setup
):
  """Returns `(gradient, spectral, metrics)` of the discriminator.

  Args:
    state: before the update.
    batch: a `Batch`.
    predictions: `(coarse, refined)` of the generator for this batch.
    shares: `[B]`, of the real pictures where a gradient penalty is taken.
    setup: the networks and weights.

  Returns:
    Its gradient, its power iteration one step further, and metrics.
  """
  _, refined = predictions
  gradient, (spectral, metrics) = jax.grad(
    objectives.discriminator_objective, has_aux=True
  )(
    state.discriminator,
    state.spectral,
    discriminator=setup.discriminator,
    batch=batch,
    completed=batch_lib.composite(refined, batch.image, batch.mask),
    share=shares,
    weights=setup.weights,
  )
  return gradient, spectral, metrics


def update_discriminator(
  state: state_lib.TrainState, gradient, spectral, metrics, *, setup
) -> tuple[state_lib.TrainState, Metrics]:
  """Moves the discriminator and its power iteration; the generator stays.

  Args:
    state: before the update.
    gradient: from `discriminator_gradient`, as the next two.
    spectral: the power iteration after the update.
    metrics: of the batch.
    setup: the optimizers.

  Returns:
    The state after the update, and the metrics with norms.
  """
  updates, optimizer = setup.discriminator_optimizer.update(
    gradient, state.discriminator_optimizer, state.discriminator
  )
  params = optax.apply_updates(state.discriminator, updates)
  state = state.replace(
    discriminator=params, spectral=spectral, discriminator_optimizer=optimizer
  )
  return state, metrics | {
    "discriminator_gradient_norm": optax.tree.norm(gradient),
    "discriminator_update_norm": optax.tree.norm(updates),
  }


def generator_gradient(
  state: state_lib.TrainState,
  batch,
  predictions,
  pullback,
  *,
  setup,
  turn: phases.Turn = phases.Turn.BOTH,
):
  """Returns `(gradient, metrics)` of the generator.

  Args:
    state: before the update, the discriminator already new.
    batch: a `Batch`.
    predictions: `(coarse, refined)` of the generator for this batch.
    pullback: of the generator, from gradients of both to its parameters.
    setup: the networks and weights.
    turn: whether the discriminator is asked.
  """
  shared = {"batch": batch, "weights": setup.weights}
  (loss, metrics), (by_coarse, by_refined) = jax.value_and_grad(
    objectives.pixel_objective, argnums=(0, 1), has_aux=True
  )(*predictions, **shared)
  if turn is not phases.Turn.COMPLETION:
    _, refined = predictions
    (adversarial_loss, more), adversarial_by_refined = jax.value_and_grad(
      objectives.adversarial_objective, has_aux=True
    )(
      refined,
      discriminator=setup.discriminator,
      discriminator_variables=state.discriminator_variables,
      **shared,
    )
    # Which of both losses decides what the refined pictures become.
    ratios = _norms(adversarial_by_refined) / jnp.maximum(
      _norms(by_refined), 1e-12
    )
    metrics |= more | {"adversarial_gradient_ratio": jnp.mean(ratios)}
    loss += adversarial_loss
    by_refined += adversarial_by_refined
  (gradient,) = pullback((by_coarse, by_refined))
  return gradient, metrics | {"generator_loss": loss}


def update_generator(
  state: state_lib.TrainState, gradient, metrics, statistics=None, *, setup
) -> tuple[state_lib.TrainState, Metrics]:
  """Moves the generator and its average; the discriminator stays.

  Args:
    state: before the update, the discriminator already new.
    gradient: from `generator_gradient`.
    metrics: likewise.
    statistics: the new ones of `generate`.
    setup: the optimizers.

  Returns:
    The state after the update, and the metrics with norms.
  """
  updates, optimizer = setup.generator_optimizer.update(
    gradient, state.generator_optimizer, state.generator
  )
  params = optax.apply_updates(state.generator, updates)
  if statistics:
    params = batch_norm.with_statistics(params, statistics)
  average = state.generator_average
  if average is not None:
    average = optax.incremental_update(params, average, 1 - setup.average_decay)
  state = state.replace(
    generator=params, generator_optimizer=optimizer, generator_average=average
  )
  return state, metrics | {
    "generator_gradient_norm": optax.tree.norm(gradient),
    "generator_update_norm": optax.tree.norm(updates),
  }


def _norms(pictures):
  """Returns the norm of each picture, `[B]`."""
  return jnp.sqrt(jnp.sum(jnp.square(pictures), axis=(1, 2, 3)))
