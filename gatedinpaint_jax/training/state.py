"""Everything that a training run carries from one step to the next."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax
from absl import logging

from gatedinpaint_jax.networks import patch_discriminator

Params = Any
# What `layers.batch_norm` keeps beside its parameters.
_AVERAGES = ("mean", "variance")


@flax.struct.dataclass
class TrainState:
  """The state of a run; a pytree, so it is jitted, sharded and saved whole.

  Attributes:
    step: `[] int32`, updates made.
    examples_seen: `[] uint32`, pictures taken from the stream. It is not
      `step` times the batch size once a run has skipped data.
    generator: parameters.
    discriminator: parameters, or None without a discriminator.
    spectral: the power iteration of the discriminator, or None if it has none.
    generator_optimizer: optax state.
    discriminator_optimizer: optax state.
    generator_average: the moving average of `generator`, or None.
  """

  step: jax.Array
  examples_seen: jax.Array
  generator: Params
  discriminator: Params | None
  spectral: Params | None
  generator_optimizer: optax.OptState
  discriminator_optimizer: optax.OptState
  generator_average: Params | None

  @property
  def discriminator_variables(self) -> dict[str, Params]:
    """What `apply` of the discriminator takes."""
    variables = {"params": self.discriminator}
    if self.spectral is not None:
      variables[patch_discriminator.SPECTRAL] = self.spectral
    return variables

  @property
  def best_generator(self) -> Params:
    """What inference uses: the moving average where there is one."""
    if self.generator_average is None:
      return self.generator
    return self.generator_average

  def update_discriminator(self, gradient, spectral, optimizer):
    """Returns `(state, norms)` after a step of the optimizer.

    The power iteration becomes `spectral`; the generator stays.
    """
    updates, optimizer_state = optimizer.update(
      gradient, self.discriminator_optimizer, self.discriminator
    )
    state = self.replace(
      discriminator=optax.apply_updates(self.discriminator, updates),
      spectral=spectral,
      discriminator_optimizer=optimizer_state,
    )
    return state, {
      "discriminator_gradient_norm": optax.tree.norm(gradient),
      "discriminator_update_norm": optax.tree.norm(updates),
    }

  def update_generator(self, gradient, optimizer):
    """Returns `(state, norms)`; the average and the discriminator stay."""
    updates, optimizer_state = optimizer.update(
      gradient, self.generator_optimizer, self.generator
    )
    state = self.replace(
      generator=optax.apply_updates(self.generator, updates),
      generator_optimizer=optimizer_state,
    )
    return state, {
      "generator_gradient_norm": optax.tree.norm(gradient),
      "generator_update_norm": optax.tree.norm(updates),
    }

  def update_average(self, decay: float | None) -> "TrainState":
    """Moves the average, if there is one, towards the generator."""
    if self.generator_average is None:
      return self
    return self.replace(
      generator_average=optax.incremental_update(
        self.generator, self.generator_average, 1 - decay
      )
    )


def create_state(key, setup, *, image_size: tuple[int, int]) -> TrainState:
  """Initialises parameters and optimizers.

  Args:
    key: random key; it alone decides the parameters.
    setup: a `training.step.Setup`.
    image_size: `(height, width)` to trace the networks with.

  Returns:
    The state at step 0. Pure: under `jax.eval_shape` it gives the shapes.
  """
  generator_key, discriminator_key = jax.random.split(key)
  image = jnp.zeros((1, *image_size, 3))
  mask = jnp.zeros((1, *image_size, 1))
  sketch = mask if setup.generator.guided else None
  generator = setup.generator.init(generator_key, image, mask, sketch)
  discriminator = {}
  if setup.discriminator is not None:
    discriminator = setup.discriminator.init(
      discriminator_key, image, mask, sketch, update_stats=False
    )
  keep_average = setup.average_decay is not None
  return TrainState(
    step=jnp.zeros((), jnp.int32),
    examples_seen=jnp.zeros((), jnp.uint32),
    generator=generator["params"],
    discriminator=discriminator.get("params"),
    spectral=discriminator.get(patch_discriminator.SPECTRAL),
    generator_optimizer=setup.generator_optimizer.init(generator["params"]),
    discriminator_optimizer=setup.discriminator_optimizer.init(
      discriminator.get("params")
    ),
    generator_average=(
      # A copy: a donated state must not hold one buffer twice.
      jax.tree.map(jnp.copy, generator["params"]) if keep_average else None
    ),
  )


def count_parameters(params: Params | None) -> int:
  """Returns how many numbers of a network are trained; 0 of None."""
  return sum(
    leaf.size
    for path, leaf in jax.tree_util.tree_leaves_with_path(params)
    if path[-1].key not in _AVERAGES
  )


def begin_with(state: TrainState, model) -> TrainState:
  """Returns the first state of a run that begins with weights made elsewhere.

  Args:
    state: at step 0, fresh.
    model: a `checkpoint_reader.SavedModel`; without a discriminator, or with
      one of another kind, that of `state` stays.
  """
  # As NumPy: what one process read has not the devices of all.
  model = jax.device_get(model)
  state = state.replace(generator=model.generator)
  if state.generator_average is not None:
    # A copy: a donated state must not hold one buffer twice.
    average = jax.tree.map(jnp.copy, model.generator)
    state = state.replace(generator_average=average)
  if model.discriminator is None:
    return state
  shapes = lambda *trees: jax.tree.map(jnp.shape, trees)
  if shapes(state.discriminator, state.spectral) != shapes(
    model.discriminator, model.spectral
  ):
    logging.warning("the discriminator is of another kind and begins anew")
    return state
  return state.replace(
    discriminator=model.discriminator, spectral=model.spectral
  )
