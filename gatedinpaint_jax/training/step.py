"""One training step: update the discriminator, then the generator against it.

Both updates share one batch and one forward pass of the generator.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.networks import inpaint_generator, patch_discriminator
from gatedinpaint_jax.training import objectives
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
  """

  generator: inpaint_generator.InpaintGenerator
  discriminator: patch_discriminator.PatchDiscriminator
  generator_optimizer: optax.GradientTransformation
  discriminator_optimizer: optax.GradientTransformation
  weights: objectives.LossWeights
  average_decay: float | None = None


def make_train_step(setup: Setup) -> Callable:
  """Returns `train_step(state, batch) -> (state, metrics)`, not yet jitted.

  All means are over the global batch: under `jax.jit` with a batch sharded over
  devices the result is that of one device. Metrics are scalars by name. If one
  of `MUST_BE_FINITE` is not, nothing is learned from the batch and the metric
  `SKIPPED` is 1; the step and its examples count all the same.
  """

  def train_step(state, batch):
    def generate(params):
      output = setup.generator.apply(
        {"params": params},
        batch_lib.erase(batch.image, batch.mask),
        batch.mask,
        batch.sketch,
      )
      return output.coarse, output.refined

    # The pullback is kept: the generator's gradient waits for the new
    # discriminator, its forward pass does not run again.
    predictions, pullback = jax.vjp(generate, state.generator)
    updated, discriminator_metrics = update_discriminator(
      state, batch, predictions, setup=setup
    )
    updated, generator_metrics = update_generator(
      updated, batch, predictions, pullback, setup=setup
    )
    metrics = {**discriminator_metrics, **generator_metrics}
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


def update_discriminator(
  state: state_lib.TrainState, batch, predictions, *, setup: Setup
) -> tuple[state_lib.TrainState, Metrics]:
  """Moves the discriminator and its power iteration; the generator stays.

  Args:
    state: before the update.
    batch: a `Batch`.
    predictions: `(coarse, refined)` of the generator for this batch.
    setup: the networks and optimizers.

  Returns:
    The state after the update, and metrics.
  """
  _, refined = predictions
  grads, (spectral, metrics) = jax.grad(
    objectives.discriminator_objective, has_aux=True
  )(
    state.discriminator,
    state.spectral,
    discriminator=setup.discriminator,
    batch=batch,
    completed=batch_lib.composite(refined, batch.image, batch.mask),
    weights=setup.weights,
  )
  updates, optimizer = setup.discriminator_optimizer.update(
    grads, state.discriminator_optimizer, state.discriminator
  )
  params = optax.apply_updates(state.discriminator, updates)
  metrics["discriminator_gradient_norm"] = optax.tree.norm(grads)
  metrics["discriminator_update_norm"] = optax.tree.norm(updates)
  state = state.replace(
    discriminator=params, spectral=spectral, discriminator_optimizer=optimizer
  )
  return state, metrics


def update_generator(
  state: state_lib.TrainState, batch, predictions, pullback, *, setup: Setup
) -> tuple[state_lib.TrainState, Metrics]:
  """Moves the generator and its average; the discriminator stays.

  Args:
    state: before the update, the discriminator already new.
    batch: a `Batch`.
    predictions: `(coarse, refined)` of the generator for this batch.
    pullback: of the generator, from gradients of both to its parameters.
    setup: the networks and optimizers.

  Returns:
    The state after the update, and metrics.
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
  (grads,) = pullback(by_prediction)
  updates, optimizer = setup.generator_optimizer.update(
    grads, state.generator_optimizer, state.generator
  )
  params = optax.apply_updates(state.generator, updates)
  average = state.generator_average
  if average is not None:
    average = optax.incremental_update(params, average, 1 - setup.average_decay)
  metrics["generator_gradient_norm"] = optax.tree.norm(grads)
  metrics["generator_update_norm"] = optax.tree.norm(updates)
  state = state.replace(
    generator=params, generator_optimizer=optimizer, generator_average=average
  )
  return state, metrics


def _all_finite(scalars) -> jax.Array:
  return jnp.isfinite(jnp.stack(scalars)).all()
