"""One training step of a baseline.

In contrast to `training.step`, steps may update only one network, and losses of
other papers, batch normalization and gradient penalties are supported.
"""

import functools

import jax

from gatedinpaint_jax import accumulation, objectives
from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.baselines import batch_norm, losses
from gatedinpaint_jax.baselines import objectives as baseline_objectives
from gatedinpaint_jax.baselines.phases import Turn


def update(state, batch, *, setup, turn: Turn):
  """Returns `(state, metrics)`; the discriminator is updated first.

  `setup` has a baseline's loss weights. `turn` names the networks to update,
  the generator alone if there is no discriminator.
  """
  # Position between real and completed pictures, for the gradient penalty.
  key = jax.random.fold_in(jax.random.key(setup.seed), state.step)
  epsilon = jax.random.uniform(key, batch.image.shape[:1])
  parts = accumulation.split((batch, epsilon), setup.accumulation_steps)
  metrics = {}
  if turn is not Turn.GENERATOR:
    gradient, (spectral, metrics) = accumulation.mean(
      functools.partial(_discriminator_gradient, state, setup), parts
    )
    state, norms = state.update(
      "discriminator", gradient, setup.discriminator_optimizer
    )
    state = state.replace(spectral=spectral)
    metrics |= norms
  if turn is not Turn.DISCRIMINATOR:
    gradient, (statistics, more) = accumulation.mean(
      functools.partial(_generator_gradient, state, setup, turn), parts
    )
    state, norms = state.update(
      "generator", gradient, setup.generator_optimizer
    )
    params = batch_norm.with_statistics(state.generator, statistics)
    state = state.replace(generator=params)
    state = state.update_average(setup.average_decay)
    metrics |= more | norms
  return state, metrics


def _discriminator_gradient(state, setup, part):
  """Returns `(gradient, (spectral, metrics))` of a part of the batch."""
  batch, epsilon = part
  output, _ = _generate(state.generator, batch, setup)
  return jax.grad(baseline_objectives.discriminator_objective, has_aux=True)(
    state.discriminator,
    state.spectral,
    discriminator=setup.discriminator,
    batch=batch,
    completed=batch_lib.complete(output.refined, batch),
    epsilon=epsilon,
    weights=setup.weights,
  )


def _generator_gradient(state, setup, turn, part):
  """Returns `(gradient, (statistics, metrics))` of a part of the batch."""
  batch, _ = part

  def objective(params):
    output, statistics = _generate(params, batch, setup)
    loss, metrics = baseline_objectives.pixel_objective(
      output.coarse, output.refined, batch=batch, weights=setup.weights
    )
    if turn is Turn.BOTH:
      _, gan_loss = losses.GANS[setup.weights.gan]
      adversarial_loss, more = objectives.adversarial_objective(
        output.refined,
        discriminator=setup.discriminator,
        discriminator_variables=state.discriminator_variables,
        batch=batch,
        weights=setup.weights,
        gan_loss=gan_loss,
      )
      loss += adversarial_loss
      metrics |= more
    return loss, (statistics, metrics | {"generator_loss": loss})

  return jax.grad(objective, has_aux=True)(state.generator)


def _generate(params, batch, setup):
  """Returns the generator's output and its new batch statistics, if any."""
  output, changed = setup.generator.apply(
    {"params": params},
    batch_lib.erase(batch.image, batch.mask),
    batch.mask,
    batch.sketch,
    mutable=[batch_norm.STATISTICS],
  )
  return output, changed.get(batch_norm.STATISTICS, {})
