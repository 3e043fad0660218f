"""One training step: update the discriminator, then the generator against it.

Both updates share one batch and one forward pass of the generator. A batch that
is computed in parts takes a second pass, so that only one part at a time keeps
what the backward pass needs.
"""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from gatedinpaint_jax import accumulation
from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.baselines import objectives as baseline_objectives
from gatedinpaint_jax.baselines import phases as phases_lib
from gatedinpaint_jax.baselines import step as baseline_step
from gatedinpaint_jax.training import objectives

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
    discriminator: the module; None in runs of some baselines.
    generator_optimizer: optax transformation.
    discriminator_optimizer: optax transformation.
    weights: of the losses.
    average_decay: of the moving average of the generator, in [0, 1), or None.
    accumulation_steps: parts of the batch whose gradients are computed one
      after the other; all devices have equally many pictures of each part.
    phases: in the run of a baseline, which networks learn at which step.
    seed: of what a baseline's step draws.
  """

  generator: nn.Module
  discriminator: nn.Module | None
  generator_optimizer: optax.GradientTransformation
  discriminator_optimizer: optax.GradientTransformation
  weights: objectives.LossWeights | baseline_objectives.LossWeights
  average_decay: float | None = None
  accumulation_steps: int = 1
  phases: phases_lib.Phases | None = None
  seed: int = 0

  def turn(self, step: int) -> phases_lib.Turn | None:
    """Returns which networks learn at a step, counted from 1; None: both."""
    return None if self.phases is None else self.phases.at(step)


def make_train_step(
  setup: Setup, turn: phases_lib.Turn | None = None
) -> Callable:
  """Returns `train_step(state, batch) -> (state, metrics)`, not yet jitted.

  All means are over the global batch: under `jax.jit` with a batch sharded over
  devices, or computed in parts, the result is that of one device at once.
  Metrics are scalars by name. If one of `MUST_BE_FINITE` is not, nothing is
  learned from the batch and the metric `SKIPPED` is 1; the step and its
  examples count all the same.

  Args:
    setup: of the run.
    turn: of a baseline, from `Setup.turn`.
  """
  if turn is not None:
    update = functools.partial(baseline_step.update, turn=turn)
  elif setup.accumulation_steps > 1:
    update = _update_in_parts
  else:
    update = _update_at_once

  def train_step(state, batch):
    updated, metrics = update(state, batch, setup=setup)
    is_finite = _all_finite(
      [metrics[name] for name in MUST_BE_FINITE if name in metrics]
    )
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


def _update_at_once(state, batch, *, setup):
  """Updates both networks with one forward pass of the generator."""
  # The pullback is kept: the generator's gradient waits for the new
  # discriminator, its forward pass does not run again.
  predictions, pullback = generate(state, batch, setup=setup)
  gradient = discriminator_gradient(state, batch, predictions, setup=setup)
  state, metrics = update_discriminator(state, *gradient, setup=setup)
  gradient = generator_gradient(
    state, batch, predictions, pullback, setup=setup
  )
  state, more = update_generator(state, *gradient, setup=setup)
  return state, metrics | more


def _update_in_parts(state, batch, *, setup):
  """Updates both networks with the means of gradients over parts."""
  parts = accumulation.split(batch, setup.accumulation_steps)

  def for_discriminator(batch):
    predictions, _ = generate(state, batch, setup=setup)
    return discriminator_gradient(state, batch, predictions, setup=setup)

  gradient = accumulation.mean(for_discriminator, parts)
  halfway, metrics = update_discriminator(state, *gradient, setup=setup)

  def for_generator(batch):
    prediction = generate(halfway, batch, setup=setup)
    return generator_gradient(halfway, batch, *prediction, setup=setup)

  gradient = accumulation.mean(for_generator, parts)
  state, more = update_generator(halfway, *gradient, setup=setup)
  return state, metrics | more


def generate(state, batch, *, setup):
  """Returns `(coarse, refined)`, and their pullback to the parameters."""

  def predict(params):
    output = setup.generator.apply(
      {"params": params},
      batch_lib.erase(batch.image, batch.mask),
      batch.mask,
      batch.sketch,
    )
    return output.coarse, output.refined

  return jax.vjp(predict, state.generator)


def discriminator_gradient(state, batch, predictions, *, setup):
  """Returns `(gradient, (spectral, metrics))`, see `objectives`."""
  _, refined = predictions
  return jax.grad(objectives.discriminator_objective, has_aux=True)(
    state.discriminator,
    state.spectral,
    discriminator=setup.discriminator,
    batch=batch,
    completed=batch_lib.composite(refined, batch.image, batch.mask),
    weights=setup.weights,
  )


def update_discriminator(state, gradient, auxiliary, *, setup):
  """Moves the discriminator and its power iteration; the generator stays."""
  spectral, metrics = auxiliary
  state, norms = state.update_discriminator(
    gradient, spectral, setup.discriminator_optimizer
  )
  return state, metrics | norms


def generator_gradient(state, batch, predictions, pullback, *, setup):
  """Returns `(gradient, metrics)`; the discriminator of `state` is new."""
  shared = {"batch": batch, "weights": setup.weights}
  (pixel_loss, metrics), (d_coarse, d_refined) = jax.value_and_grad(
    objectives.pixel_objective, argnums=(0, 1), has_aux=True
  )(*predictions, **shared)
  _, refined = predictions
  (adversarial_loss, more), d_adversarial = jax.value_and_grad(
    objectives.adversarial_objective, has_aux=True
  )(
    refined,
    discriminator=setup.discriminator,
    discriminator_variables=state.discriminator_variables,
    **shared,
  )
  (gradient,) = pullback((d_coarse, d_refined + d_adversarial))
  # Which of the two losses decides what the refined pictures become.
  ratios = _norms(d_adversarial) / jnp.maximum(_norms(d_refined), 1e-12)
  return gradient, {
    **metrics,
    **more,
    "adversarial_gradient_ratio": jnp.mean(ratios),
    "generator_loss": pixel_loss + adversarial_loss,
  }


def update_generator(state, gradient, metrics, *, setup):
  """Moves the generator and its average; the discriminator stays."""
  state, norms = state.update_generator(gradient, setup.generator_optimizer)
  return state.update_average(setup.average_decay), metrics | norms


def _norms(pictures):
  """Returns the norm of each picture, `[B]`."""
  return jnp.sqrt(jnp.sum(jnp.square(pictures), axis=(1, 2, 3)))


def _all_finite(scalars) -> jax.Array:
  return jnp.isfinite(jnp.stack(scalars)).all()
