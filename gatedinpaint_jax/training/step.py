"""One training step: update the discriminator, then the generator against it.

In some turns of a run, only one of them learns; see `phases`.

Both updates share one batch and one forward pass of the generator. A batch that
is computed in parts takes a second pass, so that only one part at a time keeps
what the backward pass needs.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from gatedinpaint_jax.training import (
  accumulation,
  objectives,
  phases,
  updates,
)

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
    discriminator: the module, or None for losses of pixels alone.
    generator_optimizer: optax transformation.
    discriminator_optimizer: optax transformation.
    weights: of the losses.
    turns: which network learns at which step.
    seed: of what a step draws.
    average_decay: of the moving average of the generator, in [0, 1), or None.
    accumulation_steps: parts of the batch whose gradients are computed one
      after the other; all devices have equally many pictures of each part.
  """

  generator: nn.Module
  discriminator: nn.Module | None
  generator_optimizer: optax.GradientTransformation
  discriminator_optimizer: optax.GradientTransformation
  weights: objectives.LossWeights
  turns: phases.Phases = dataclasses.field(default_factory=phases.Phases)
  seed: int = 0
  average_decay: float | None = None
  accumulation_steps: int = 1


def make_train_step(
  setup: Setup, turn: phases.Turn = phases.Turn.BOTH
) -> Callable:
  """Returns `train_step(state, batch) -> (state, metrics)`, not yet jitted.

  All means are over the global batch: under `jax.jit` with a batch sharded over
  devices, or computed in parts, the result is that of one device at once (but
  for parts with batch normalization, which `training.setup` refuses).
  Metrics are scalars by name. If one of `MUST_BE_FINITE` is not, nothing is
  learned from the batch and the metric `SKIPPED` is 1; the step and its
  examples count all the same.

  Args:
    setup: of the run.
    turn: which networks learn; only COMPLETION without a discriminator.
  """
  update = _update_in_parts if setup.accumulation_steps > 1 else _update_at_once

  def train_step(state, batch):
    updated, metrics = update(
      state, batch, _shares(state, batch, setup), setup, turn
    )
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


def _update_at_once(state, batch, shares, setup, turn):
  """Updates what has its turn with one forward pass of the generator."""
  metrics = {}
  # The pullback is kept: the generator's gradient waits for the new
  # discriminator, its forward pass does not run again.
  predictions, pullback, statistics = jax.vjp(
    lambda params: updates.generate(params, batch, setup=setup),
    state.generator,
    has_aux=True,
  )
  if turn is not phases.Turn.COMPLETION:
    gradient = updates.discriminator_gradient(
      state, batch, predictions, shares, setup=setup
    )
    state, metrics = updates.update_discriminator(state, *gradient, setup=setup)
  if turn is not phases.Turn.DISCRIMINATION:
    gradient = updates.generator_gradient(
      state, batch, predictions, pullback, setup=setup, turn=turn
    )
    state, more = updates.update_generator(
      state, *gradient, statistics, setup=setup
    )
    metrics |= more
  return state, metrics


def _update_in_parts(state, batch, shares, setup, turn):
  """Updates what has its turn with the means of gradients over parts."""
  metrics = {}
  parts = accumulation.split((batch, shares), setup.accumulation_steps)

  def of_discriminator(part):
    batch, shares = part
    predictions, _ = updates.generate(state.generator, batch, setup=setup)
    return updates.discriminator_gradient(
      state, batch, predictions, shares, setup=setup
    )

  half_way = state
  if turn is not phases.Turn.COMPLETION:
    gradient = accumulation.mean(of_discriminator, parts)
    half_way, metrics = updates.update_discriminator(
      state, *gradient, setup=setup
    )

  def of_generator(part):
    batch, _ = part
    predictions, pullback, statistics = jax.vjp(
      lambda params: updates.generate(params, batch, setup=setup),
      half_way.generator,
      has_aux=True,
    )
    gradient = updates.generator_gradient(
      half_way, batch, predictions, pullback, setup=setup, turn=turn
    )
    return *gradient, statistics

  if turn is not phases.Turn.DISCRIMINATION:
    gradient = accumulation.mean(of_generator, parts)
    half_way, more = updates.update_generator(half_way, *gradient, setup=setup)
    metrics |= more
  return half_way, metrics


def _shares(state, batch, setup):
  """Draws for each picture where a gradient penalty is taken, `[B]`."""
  key = jax.random.fold_in(jax.random.key(setup.seed), state.step)
  return jax.random.uniform(key, batch.image.shape[:1])


def _all_finite(scalars) -> jax.Array:
  return jnp.isfinite(jnp.stack(scalars)).all()
