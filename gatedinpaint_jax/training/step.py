"""One training step: update the discriminator, then the generator against it.

Both updates share one batch and one forward pass of the generator. A batch that
is computed in parts takes a second pass, so that only one part at a time keeps
what the backward pass needs.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.networks import inpaint_generator, patch_discriminator
from gatedinpaint_jax.training import accumulation, objectives
from gatedinpaint_jax.training import state as state_lib

Metrics = dict[str, jax.Array]

# The norms too: a loss is finite one step longer than what breaks it.
MUST_BE_FINITE = (
  "generator_loss",
  "discriminator_loss",
  "generator_gradient_norm",
  "discriminator_gradient_norm",
  "generator_update_norm",
  "discriminator_update_norm",
)
SKIPPED = "skipped_steps"


@dataclasses.dataclass(frozen=True)
class Setup:
  """What stays the same over a run.

  Attributes:
    generator: the module.
    discriminator: the module.
    generator_optimizer: optax transformation.
    discriminator_optimizer: optax transformation.
    weights: of the losses.
    average_decay: of the moving average of the generator, in [0, 1), or None.
    accumulation_steps: parts of the batch whose gradients are computed one
      after the other; all devices have equally many pictures of each part.
  """

  generator: inpaint_generator.InpaintGenerator
  discriminator: patch_discriminator.PatchDiscriminator
  generator_optimizer: optax.GradientTransformation
  discriminator_optimizer: optax.GradientTransformation
  weights: objectives.LossWeights
  average_decay: float | None = None
  accumulation_steps: int = 1


def make_train_step(setup: Setup) -> Callable:
  """Returns `train_step(state, batch) -> (state, metrics)`, not yet jitted.

  All means are over the global batch: under `jax.jit` with a batch sharded over
  devices, or computed in parts, the result is that of one device at once.
  Metrics are scalars by name. If one of `MUST_BE_FINITE` is not, nothing is
  learned from the batch and the metric `SKIPPED` is 1; the step and its
  examples count all the same.
  """
  update = _update_in_parts if setup.accumulation_steps > 1 else _update_at_once

  def train_step(state, batch):
    updated, metrics = update(state, batch, setup)
    is_finite = _all_finite([metrics[name] for name in MUST_BE_FINITE])
    state = jax.tree.map(
      lambda new, old: jnp.where(is_finite, new, old), updated, state
    )
    metrics[SKIPPED] = 1 - is_finite.astype(jnp.float32)
    state = state.replace(
      step=state.step + 1,
      examples_seen=state.examples_seen
      + jnp.asarray(batch.image.shape[0], state.examples_seen.dtype),
    )
    return state, metrics

  return train_step


def _update_at_once(state, batch, setup):
  """Updates both networks with one forward pass of the generator."""
  # The pullback is kept: the generator's gradient waits for the new
  # discriminator, its forward pass does not run again.
  predictions, pullback = jax.vjp(
    lambda params: generate(params, batch, setup=setup), state.generator
  )
  gradient = discriminator_gradient(state, batch, predictions, setup=setup)
  half_way, metrics = update_discriminator(state, *gradient, setup=setup)
  gradient = generator_gradient(
    half_way, batch, predictions, pullback, setup=setup
  )
  state, more = update_generator(half_way, *gradient, setup=setup)
  return state, {**metrics, **more}


def _update_in_parts(state, batch, setup):
  """Updates both networks with the means of their gradients over parts."""
  parts = accumulation.split(batch, setup.accumulation_steps)

  def of_discriminator(part):
    predictions = generate(state.generator, part, setup=setup)
    return discriminator_gradient(state, part, predictions, setup=setup)

  gradient = accumulation.mean(of_discriminator, parts)
  half_way, metrics = update_discriminator(state, *gradient, setup=setup)

  def of_generator(part):
    predictions, pullback = jax.vjp(
      lambda params: generate(params, part, setup=setup), half_way.generator
    )
    return generator_gradient(
      half_way, part, predictions, pullback, setup=setup
    )

  gradient = accumulation.mean(of_generator, parts)
  state, more = update_generator(half_way, *gradient, setup=setup)
  return state, {**metrics, **more}


def generate(params, batch, *, setup: Setup) -> tuple[jax.Array, jax.Array]:
  """Returns the predictions `(coarse, refined)` of the generator."""
  output = setup.generator.apply(
    {"params": params},
    batch_lib.erase(batch.image, batch.mask),
    batch.mask,
    batch.sketch,
  )
  return output.coarse, output.refined


def discriminator_gradient(
  state: state_lib.TrainState, batch, predictions, *, setup: Setup
):
  """Returns `(gradient, spectral, metrics)` of the discriminator.

  Args:
    state: before the update.
    batch: a `Batch`.
    predictions: `(coarse, refined)` of the generator for this batch.
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
    weights=setup.weights,
  )
  return gradient, spectral, metrics


def update_discriminator(
  state: state_lib.TrainState, gradient, spectral, metrics, *, setup: Setup
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
  state: state_lib.TrainState, batch, predictions, pullback, *, setup: Setup
):
  """Returns `(gradient, metrics)` of the generator.

  Args:
    state: before the update, the discriminator already new.
    batch: a `Batch`.
    predictions: `(coarse, refined)` of the generator for this batch.
    pullback: of the generator, from gradients of both to its parameters.
    setup: the networks and weights.
  """
  by_prediction, metrics = jax.grad(
    objectives.generator_objective, argnums=(0, 1), has_aux=True
  )(
    *predictions,
    discriminator=setup.discriminator,
    discriminator_variables={
      "params": state.discriminator,
      patch_discriminator.SPECTRAL: state.spectral,
    },
    batch=batch,
    weights=setup.weights,
  )
  (gradient,) = pullback(by_prediction)
  return gradient, metrics


def update_generator(
  state: state_lib.TrainState, gradient, metrics, *, setup: Setup
) -> tuple[state_lib.TrainState, Metrics]:
  """Moves the generator and its average; the discriminator stays.

  Args:
    state: before the update, the discriminator already new.
    gradient: from `generator_gradient`.
    metrics: likewise.
    setup: the optimizers.

  Returns:
    The state after the update, and the metrics with norms.
  """
  updates, optimizer = setup.generator_optimizer.update(
    gradient, state.generator_optimizer, state.generator
  )
  params = optax.apply_updates(state.generator, updates)
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


def _all_finite(scalars) -> jax.Array:
  return jnp.isfinite(jnp.stack(scalars)).all()
