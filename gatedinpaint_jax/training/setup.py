"""Builds what a config describes of training; rejects invalid values."""

import dataclasses

from absl import logging

from gatedinpaint_jax import build as networks_build
from gatedinpaint_jax import errors
from gatedinpaint_jax.baselines import losses as baseline_losses
from gatedinpaint_jax.baselines import objectives as baseline_objectives
from gatedinpaint_jax.baselines import phases as phases_lib
from gatedinpaint_jax.training import objectives, optimizers
from gatedinpaint_jax.training import step as step_lib


def fill_in(config):
  """Returns a config with what it lacks of newer keys, and says what it took.

  A config of one's own may be older than the keys of `model` and `loss`.
  """
  config = config.copy_and_resolve_references()
  for section, defaults in (
    ("model", networks_build.DEFAULTS),
    ("loss", dataclasses.asdict(baseline_objectives.LossWeights())),
  ):
    missing = {k: v for k, v in defaults.items() if k not in config[section]}
    with config.unlocked():
      config[section].update(missing)
    for key, value in missing.items():
      logging.info("config.%s.%s is not set; takes %s", section, key, value)
  return config


def build_setup(config) -> step_lib.Setup:
  """Builds networks, optimizers and loss weights of a config.

  Raises:
    UserError: if a value is not allowed.
  """
  generator, discriminator = networks_build.build_networks(config)
  optimizer = config.optimizer
  _check_optimizer(optimizer)
  _check_loss(config.loss, config.model)
  _check_parts(optimizer, config.model)
  shared = {
    "kind": optimizer.kind,
    "b1": optimizer.b1,
    "b2": optimizer.b2,
    "eps": optimizer.eps,
    "decay": optimizer.decay,
    "warmup_steps": optimizer.warmup_steps,
    "clip_norm": optimizer.clip_norm,
  }
  phases, steps = _read_phases(config), config.schedule.steps
  # An optimizer counts the steps in which its network moves.
  return step_lib.Setup(
    generator=generator,
    discriminator=discriminator,
    generator_optimizer=optimizers.make_optimizer(
      optimizer.generator_learning_rate,
      steps=phases.generator_moves(steps),
      **shared,
    ),
    discriminator_optimizer=optimizers.make_optimizer(
      optimizer.discriminator_learning_rate,
      # Without moves, any schedule will do.
      steps=phases.discriminator_moves(steps) or steps,
      **shared,
    ),
    average_decay=optimizer.average_decay,
    accumulation_steps=optimizer.accumulation_steps,
    **_read_step(config, phases),
  )


def _read_step(config, phases):
  """Returns what decides between the paper's step and that of a baseline."""
  weights = baseline_objectives.LossWeights(**config.loss)
  names = [field.name for field in dataclasses.fields(objectives.LossWeights)]
  papers = objectives.LossWeights(**{n: config.loss[n] for n in names})
  if (
    weights == baseline_objectives.LossWeights(**dataclasses.asdict(papers))
    and phases == phases_lib.Phases()
    and config.model.generator == "inpaint"
    and config.model.discriminator == "patch"
  ):
    return {"weights": papers}
  return {"weights": weights, "phases": phases, "seed": config.seed}


def _read_phases(config) -> phases_lib.Phases:
  if config.model.discriminator == "none":
    return phases_lib.Phases(completion_steps=None)
  schedule = config.schedule
  return phases_lib.Phases(
    completion_steps=schedule.completion_steps,
    discriminator_steps=schedule.discriminator_steps,
    generator_every_steps=schedule.generator_every_steps,
  )


def check_schedule(schedule) -> None:
  """Raises UserError for the first value that `config.schedule` cannot have."""
  for name in (
    "steps",
    "log_every_steps",
    "evaluate_every_steps",
    "checkpoint_every_steps",
    "keep_checkpoints",
    "skipped_steps_to_go_back",
    "generator_every_steps",
  ):
    _check_count(f"config.schedule.{name}", schedule[name])
  for name in ("completion_steps", "discriminator_steps"):
    _check_count(f"config.schedule.{name}", schedule[name], least=0)


def _check_count(key, value, *, least=1):
  if not isinstance(value, int) or value < least:
    raise errors.UserError(
      f"{key}={value}: must be a whole number from {least} up"
    )


def _check_loss(loss, model):
  for name, choices in (
    ("distance", baseline_losses.DISTANCES),
    ("gan", baseline_losses.GANS),
  ):
    errors.check_choice(f"config.loss.{name}", loss[name], choices)
  if not isinstance(loss.separate_means, bool):
    raise errors.UserError(
      f"config.loss.separate_means={loss.separate_means!r}: must be True or "
      "False"
    )
  for name, value in loss.items():
    if not isinstance(value, str | int | float):
      raise errors.UserError(f"config.loss.{name}={value}: must be a number")
    if not isinstance(value, str) and value < 0:
      raise errors.UserError(f"config.loss.{name}={value}: must be 0 or more")
  if not 0 < loss.discount <= 1:
    raise errors.UserError(
      f"config.loss.discount={loss.discount}: must be in (0, 1]"
    )
  if loss.gan == "wasserstein" and not loss.gradient_penalty:
    raise errors.UserError(
      "config.loss.gradient_penalty=0.0: config.loss.gan=wasserstein needs one;"
      " its paper's is 10"
    )
  penalized = "global_and_local_critics"
  if loss.gradient_penalty and model.discriminator != penalized:
    raise errors.UserError(
      f"config.loss.gradient_penalty={loss.gradient_penalty}: must be 0, or "
      f"config.model.discriminator {penalized}"
    )


def _check_parts(optimizer, model):
  normalized = (
    ("generator", "completion"),
    ("discriminator", "global_local"),
  )
  for key, kind in normalized:
    if optimizer.accumulation_steps > 1 and model[key] == kind:
      raise errors.UserError(
        f"config.optimizer.accumulation_steps={optimizer.accumulation_steps}: "
        f"must be 1 for config.model.{key}={kind}, whose batch normalization "
        "would see each part by itself"
      )


def _check_optimizer(optimizer):
  _check_count(
    "config.optimizer.accumulation_steps", optimizer.accumulation_steps
  )
  is_share = lambda value: 0 <= value < 1
  is_positive = lambda value: value > 0
  is_count = lambda value: value >= 0
  for name, is_right, wanted in (
    ("generator_learning_rate", is_positive, "above 0"),
    ("discriminator_learning_rate", is_positive, "above 0"),
    ("b1", is_share, "in [0, 1)"),
    ("b2", is_share, "in [0, 1)"),
    ("eps", is_positive, "above 0"),
    ("warmup_steps", is_count, "0 or more"),
    ("clip_norm", is_positive, "above 0, or None"),
    ("average_decay", is_share, "in [0, 1), or None"),
  ):
    value = optimizer[name]
    if value is not None and not is_right(value):
      raise errors.UserError(
        f"config.optimizer.{name}={value}: must be {wanted}"
      )
