"""The state of a training run."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax
from absl import logging

from gatedinpaint_jax.networks import patch_discriminator

Params = Any
# Running statistics that `baselines.batch_norm` stores among the parameters.
_STATISTICS = ("mean", "variance")


@flax.struct.dataclass
class TrainState:
  """Everything that a run carries from one step to the next; a pytree."""

  step: jax.Array  # [] int32, completed steps
  # [] uint32, pictures taken from the stream; more than `step` times the batch
  # size once a run has gone back.
  examples_seen: jax.Array
  generator: Params
  discriminator: Params | None
  # Of the power iteration that estimates the discriminator's spectral norms.
  spectral: Params | None
  generator_optimizer: optax.OptState
  discriminator_optimizer: optax.OptState
  generator_average: Params | None  # moving average of `generator`

  @property
  def discriminator_variables(self) -> dict[str, Params]:
    """Variables for `apply` of the discriminator."""
    variables = {"params": self.discriminator}
    if self.spectral is not None:
      variables[patch_discriminator.SPECTRAL] = self.spectral
    return variables

  @property
  def best_generator(self) -> Params:
    """Parameters for inference: the moving average if there is one."""
    if self.generator_average is None:
      return self.generator
    return self.generator_average

  def update(self, network: str, gradient, optimizer):
    """Returns `(state, norms)` after an optimizer step of one network.

    `network` is "generator" or "discriminator".
    """
    params, slot = getattr(self, network), f"{network}_optimizer"
    updates, optimizer_state = optimizer.update(
      gradient, getattr(self, slot), params
    )
    norms = {
      f"{network}_gradient_norm": optax.tree.norm(gradient),
      f"{network}_update_norm": optax.tree.norm(updates),
    }
    params = optax.apply_updates(params, updates)
    return self.replace(**{network: params, slot: optimizer_state}), norms

  def update_average(self, decay: float | None) -> "TrainState":
    """Updates the moving average, if there is one."""
    if self.generator_average is None:
      return self
    # At first the mean of few steps, later of more. With 0.999 from the
    # beginning, 0.6 of the average after 500 steps would be the initial draw.
    decay = jnp.minimum(decay, (1 + self.step) / (10 + self.step))
    return self.replace(
      generator_average=optax.incremental_update(
        self.generator, self.generator_average, 1 - decay
      )
    )


def create_state(key, setup, *, image_size: tuple[int, int]) -> TrainState:
  """Returns the state at step 0; `key` determines its parameters."""
  generator_key, discriminator_key = jax.random.split(key)
  image = jnp.zeros((1, *image_size, setup.generator.channels))
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
      # A copy: a donated state must not contain the same buffer twice.
      jax.tree.map(jnp.copy, generator["params"]) if keep_average else None
    ),
  )


def count_parameters(params: Params | None) -> int:
  """Returns the number of trainable parameters of a network; 0 for None."""
  return sum(
    leaf.size
    for path, leaf in jax.tree_util.tree_leaves_with_path(params)
    if path[-1].key not in _STATISTICS
  )


def start_from(state: TrainState, model) -> TrainState:
  """Returns an initial state with the weights of an imported `SavedModel`.

  If that has no discriminator, or one of another kind, the state keeps its own.
  """
  # As NumPy: each process has read it onto one of its own devices.
  model = jax.device_get(model)
  state = state.replace(generator=model.generator)
  if state.generator_average is not None:
    # A copy: a donated state must not contain the same buffer twice.
    average = jax.tree.map(jnp.copy, model.generator)
    state = state.replace(generator_average=average)
  if model.discriminator is None:
    return state
  shapes = lambda *trees: jax.tree.map(jnp.shape, trees)
  if shapes(state.discriminator, state.spectral) != shapes(
    model.discriminator, model.spectral
  ):
    logging.warning(
      "the imported discriminator is of another kind; starting with a new one"
    )
    return state
  return state.replace(
    discriminator=model.discriminator, spectral=model.spectral
  )
