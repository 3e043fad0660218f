"""Builds networks, optimizers and losses from a config, which it validates."""

import dataclasses

import optax
from absl import logging
from flax import linen as nn

from gatedinpaint_jax import build as networks_build
from gatedinpaint_jax import config_ranges, errors, losses
from gatedinpaint_jax.baselines import losses as baseline_losses
from gatedinpaint_jax.baselines import phases as phases_lib

# Values of keys that older configs may lack, by section.
DEFAULTS = {
  "data": {
    "value_range": (),
    "range_quantiles": (),
    "no_data": None,
    "shown_channels": (),
  },
  "model": networks_build.DEFAULTS,
  "loss": dataclasses.asdict(baseline_losses.LossWeights()),
}
# Keys of `config.optimizer`.
_KINDS = ("adam", "adadelta")
_DECAYS = ("constant", "linear", "cosine")


@dataclasses.dataclass(frozen=True)
class Setup:
  """Everything that is constant during a run."""

  generator: nn.Module
  discriminator: nn.Module | None  # None for some baselines
  generator_optimizer: optax.GradientTransformation
  discriminator_optimizer: optax.GradientTransformation
  weights: losses.LossWeights
  # Decay of the generator's moving average.
  average_decay: float | None = None
  # Parts of a batch whose gradients are computed one after the other.
  accumulation_steps: int = 1
  # The first config key that is a baseline's, None if all are the paper's.
  baseline_key: str | None = None
  # For a baseline: which networks each step updates, and the seed of its step.
  phases: phases_lib.Phases | None = None
  seed: int = 0

  def turn(self, step: int) -> phases_lib.Turn | None:
    """Returns a baseline's turn at a step, from 1; None in the paper's runs."""
    return None if self.baseline_key is None else self.phases.at(step)


def fill_in(config):
  """Returns a copy of a config with `DEFAULTS` for missing keys; logs them."""
  config = config.copy_and_resolve_references()
  for section, defaults in DEFAULTS.items():
    for key, value in defaults.items():
      if key not in config[section]:
        with config.unlocked():
          config[section][key] = value
        logging.info("config.%s.%s is not set; using %s", section, key, value)
  return config


def build_setup(config, *, platform: str | None = None) -> Setup:
  """Builds the networks, optimizers and loss weights that a config describes.

  `platform` is as in `build.build_networks`.

  Raises:
    UserError: if a value is not allowed.
  """
  config_ranges.check(config)
  generator, discriminator = networks_build.build_networks(
    config, platform=platform
  )
  optimizer = config.optimizer
  _check_optimizer(optimizer)
  _check_loss(config.loss, config.model)
  _check_accumulation(optimizer, config.model)
  phases, steps = _read_phases(config), config.schedule.steps
  # An optimizer counts only the steps that update its network.
  return Setup(
    generator=generator,
    discriminator=discriminator,
    generator_optimizer=_make_optimizer(
      optimizer,
      optimizer.generator_learning_rate,
      steps=phases.generator_updates(steps),
    ),
    discriminator_optimizer=_make_optimizer(
      optimizer,
      optimizer.discriminator_learning_rate,
      # Without updates, any schedule will do.
      steps=phases.discriminator_updates(steps) or steps,
    ),
    average_decay=optimizer.average_decay,
    accumulation_steps=optimizer.accumulation_steps,
    weights=baseline_losses.LossWeights(**config.loss),
    baseline_key=_baseline_key(config, phases),
    phases=phases,
    seed=config.seed,
  )


def _make_optimizer(optimizer, learning_rate, *, steps):
  """Returns the optimizer of a network that is updated so many times."""
  schedule = make_schedule(optimizer, learning_rate, steps=steps)
  if optimizer.kind == "adam":
    made = optax.adam(
      schedule, b1=optimizer.b1, b2=optimizer.b2, eps=optimizer.eps
    )
  else:
    made = optax.adadelta(schedule, rho=optimizer.b2, eps=optimizer.eps)
  if optimizer.clip_norm is None:
    return made
  return optax.chain(optax.clip_by_global_norm(optimizer.clip_norm), made)


def make_schedule(optimizer, learning_rate, *, steps):
  """Returns the learning rate as a function of the step, or a constant."""
  warmup_steps = optimizer.warmup_steps
  if optimizer.decay == "constant":
    if not warmup_steps:
      return learning_rate
    return optax.linear_schedule(0.0, learning_rate, warmup_steps)
  if warmup_steps >= steps:
    raise errors.UserError(
      f"config.optimizer.warmup_steps={warmup_steps}: must be less than "
      f"config.schedule.steps={steps}"
    )
  warmup = optax.linear_schedule(0.0, learning_rate, max(warmup_steps, 1))
  decay_steps = steps - warmup_steps
  if optimizer.decay == "linear":
    after = optax.linear_schedule(learning_rate, 0.0, decay_steps)
  else:
    after = optax.cosine_decay_schedule(learning_rate, decay_steps)
  return optax.join_schedules([warmup, after], [warmup_steps])


def _baseline_key(config, phases) -> str | None:
  """Returns the first config key that the paper's step does not support."""
  papers = {field.name for field in dataclasses.fields(losses.LossWeights)}
  is_baselines = {
    "model.generator": config.model.generator != "inpaint",
    "model.discriminator": config.model.discriminator != "patch",
    "schedule": phases != phases_lib.Phases(),
    **{
      f"loss.{field.name}": config.loss[field.name] != field.default
      for field in dataclasses.fields(baseline_losses.LossWeights)
      if field.name not in papers
    },
  }
  return next((key for key, is_its in is_baselines.items() if is_its), None)


def _read_phases(config) -> phases_lib.Phases:
  if config.model.discriminator == "none":
    return phases_lib.Phases(completion_steps=None)
  schedule = config.schedule
  return phases_lib.Phases(
    completion_steps=schedule.completion_steps,
    discriminator_steps=schedule.discriminator_steps,
    generator_every_steps=schedule.generator_every_steps,
  )


def _check(key, value, is_valid, requirement):
  if not is_valid:
    raise errors.UserError(f"config.{key}={value}: must be {requirement}")


def _check_loss(loss, model):
  distances, gans = baseline_losses.DISTANCES, baseline_losses.GANS
  errors.check_choice("config.loss.distance", loss.distance, distances)
  errors.check_choice("config.loss.gan", loss.gan, gans)
  key, penalty = "loss.gradient_penalty", loss.gradient_penalty
  is_valid = penalty > 0 or loss.gan != "wasserstein"
  requirement = "above 0 for config.loss.gan=wasserstein; its paper uses 10"
  _check(key, penalty, is_valid, requirement)
  penalized = "global_and_local_critics"
  is_valid = penalty == 0 or model.discriminator == penalized
  requirement = f"0 unless config.model.discriminator={penalized}"
  _check(key, penalty, is_valid, requirement)


def _check_accumulation(optimizer, model):
  steps = optimizer.accumulation_steps
  for key, normalized in (
    ("generator", "completion"),
    ("discriminator", "global_local"),
  ):
    _check(
      "optimizer.accumulation_steps",
      steps,
      steps == 1 or model[key] != normalized,
      f"1 for config.model.{key}={normalized}, whose batch normalization would "
      "see each part separately",
    )


def _check_optimizer(optimizer):
  errors.check_choice("config.optimizer.kind", optimizer.kind, _KINDS)
  errors.check_choice("config.optimizer.decay", optimizer.decay, _DECAYS)
