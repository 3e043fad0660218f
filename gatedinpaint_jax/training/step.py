"""One training step: update the discriminator, then the generator against it.

Both updates share one batch and one forward pass of the generator. With
gradient accumulation the generator runs twice, so that the activations of only
one part of the batch are in memory at a time.

Source: Yu et al. 2019, section 3.2.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from gatedinpaint_jax import accumulation, objectives
from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.baselines import phases as phases_lib
from gatedinpaint_jax.baselines import step as baseline_step
from gatedinpaint_jax.training import devices
from gatedinpaint_jax.training import setup as setup_lib

# The norms as well: a bad update shows in the losses only one step later.
MUST_BE_FINITE = (
  "generator_loss",
  "discriminator_loss",
  "generator_gradient_norm",
  "discriminator_gradient_norm",
  "generator_update_norm",
  "discriminator_update_norm",
)
SKIPPED = "skipped_steps"


def make_train_step(
  setup: setup_lib.Setup,
  turn: phases_lib.Turn | None = None,
  *,
  mesh: jax.sharding.Mesh | None = None,
) -> Callable:
  """Returns `train_step(state, batch) -> (state, metrics)`, not yet jitted.

  All means are over the global batch, whether it is sharded over devices or
  computed in parts. Metrics are scalars by name. If one of `MUST_BE_FINITE` is
  not finite, the parameters stay as they are and the metric `SKIPPED` is 1; the
  step and its examples still count.

  `turn` is that of a baseline, None for the paper's step. With a mesh, each
  device computes the gradient of its own pictures, and only gradients and
  metrics travel between devices; baselines leave that to the compiler.
  """
  if turn is not None:
    update = functools.partial(baseline_step.update, setup=setup, turn=turn)
  elif mesh is None:
    update = functools.partial(_update, setup=setup)
  else:
    update = devices.on_own_pictures(
      functools.partial(_update, setup=setup, mean=devices.mean), mesh
    )

  def train_step(state, batch):
    batch = batch_lib.to_float(batch)
    updated, metrics = update(state, batch)
    critical = [metrics[name] for name in MUST_BE_FINITE if name in metrics]
    is_finite = jnp.isfinite(jnp.stack(critical)).all()
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


def _update(state, batch, *, setup, mean=lambda tree: tree):
  """Updates the discriminator, then the generator against it.

  `mean` is over the devices, if each has a part of the batch.
  """
  if setup.accumulation_steps == 1:
    # The pullback stays alive until the discriminator is updated, so that the
    # generator's forward pass does not have to run again.
    generated = generate(state, batch, setup=setup)
    compute = lambda gradient: gradient(batch, *generated)
  else:
    parts = accumulation.split(batch, setup.accumulation_steps)
    compute = lambda gradient: accumulation.mean(
      lambda part: gradient(part, *generate(state, part, setup=setup)), parts
    )
  # 1. The discriminator, against the present generator.
  gradient, (spectral, metrics) = compute(
    functools.partial(discriminator_gradient, state, setup=setup)
  )
  gradient, metrics = mean((gradient, metrics))
  updated, d_metrics = update_discriminator(
    state, gradient, (spectral, metrics), setup=setup
  )
  # 2. The generator, against the new discriminator.
  gradient, metrics = mean(
    compute(functools.partial(generator_gradient, updated, setup=setup))
  )
  updated, g_metrics = update_generator(updated, gradient, metrics, setup=setup)
  return updated, d_metrics | g_metrics


def generate(state, batch, *, setup):
  """Returns `(coarse, refined)` and their pullback to the parameters."""

  def predict(params):
    output = setup.generator.apply(
      {"params": params},
      batch_lib.erase(batch.image, batch.mask),
      batch.mask,
      batch.sketch,
    )
    return output.coarse, output.refined

  return jax.vjp(predict, state.generator)


def discriminator_gradient(state, batch, predictions, _pullback, *, setup):
  """Returns `(gradient, (spectral, metrics))` of the discriminator's loss."""
  _, refined = predictions
  return jax.grad(objectives.discriminator_objective, has_aux=True)(
    state.discriminator,
    state.spectral,
    discriminator=setup.discriminator,
    batch=batch,
    completed=batch_lib.complete(refined, batch),
    weights=setup.weights,
  )


def update_discriminator(state, gradient, auxiliary, *, setup):
  """Returns `(state, metrics)` with a new discriminator and power iteration."""
  spectral, metrics = auxiliary
  state, norms = state.update(
    "discriminator", gradient, setup.discriminator_optimizer
  )
  return state.replace(spectral=spectral), metrics | norms


def generator_gradient(state, batch, predictions, pullback, *, setup):
  """Returns `(gradient, metrics)` of the generator's loss.

  `state` has the discriminator that this step has already updated.
  """
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
  # dL/dparams = J^T dL/d(coarse, refined), the gradients of both losses added.
  (gradient,) = pullback((d_coarse, d_refined + d_adversarial))
  # Above 1, the adversarial loss dominates the refined pictures.
  norms = lambda x: jnp.sqrt(jnp.sum(jnp.square(x), axis=(1, 2, 3)))
  ratios = norms(d_adversarial) / jnp.maximum(norms(d_refined), 1e-12)
  return gradient, {
    **metrics,
    **more,
    "adversarial_gradient_ratio": jnp.mean(ratios),
    "generator_loss": pixel_loss + adversarial_loss,
  }


def update_generator(state, gradient, metrics, *, setup):
  """Returns `(state, metrics)` with a new generator and moving average."""
  state, norms = state.update("generator", gradient, setup.generator_optimizer)
  return state.update_average(setup.average_decay), metrics | norms
