"""Trains a model: builds everything that a config describes, then loops."""

import contextlib
import dataclasses
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from absl import logging
from clu import parameter_overview

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors, train_config
from gatedinpaint_jax.data import build as data_build
from gatedinpaint_jax.training import checkpoint_reader, devices
from gatedinpaint_jax.training import checkpoints as checkpoints_lib
from gatedinpaint_jax.training import logging as logging_lib
from gatedinpaint_jax.training import meter as meter_lib
from gatedinpaint_jax.training import state as state_lib
from gatedinpaint_jax.training import step as step_lib
from gatedinpaint_jax.training import validation as validation_lib

# What a line of progress on the terminal shows of the scalars.
_ON_THE_TERMINAL = (
  "l1_refined",
  "adversarial_loss",
  "discriminator_loss",
  "images_per_second",
)

_MUST_BE_FINITE = (
  "generator_loss",
  "discriminator_loss",
  "generator_gradient_norm",
  "discriminator_gradient_norm",
)


def train_and_evaluate(config, workdir) -> state_lib.TrainState:
  """Trains until `config.schedule.steps`, from the newest checkpoint if any.

  Args:
    config: as in `configs/places2.py`.
    workdir: folder of the run; created if missing. Gets `checkpoints/`,
      `strips/` and TensorBoard's events.

  Returns:
    The last state.

  Raises:
    UserError: if the config, the pictures or the workdir cannot be used.
  """
  train_config.check_schedule(config.schedule)
  mesh = devices.make_mesh()
  devices.check_batch_size(
    config.data.batch_size, mesh, key="config.data.batch_size"
  )
  setup = train_config.build_setup(config)
  validation = _make_validation(config, setup, mesh)
  training_batches = data_build.open_training(config)
  workdir = _make_workdir(workdir)
  checkpoints = checkpoints_lib.Checkpoints(
    workdir, keep=config.schedule.keep_checkpoints
  )
  with contextlib.closing(checkpoints):
    state = _create_or_restore(config, setup, mesh, workdir, checkpoints)
    batches = training_batches(
      first_example=int(state.examples_seen),
      process_index=jax.process_index(),
      process_count=jax.process_count(),
    )
    log = _open_log(config, workdir, state)
    with contextlib.closing(log):
      run = _Run(config, setup, mesh, checkpoints, log, validation)
      return run.train(state, batches)


def is_due(step: int, *, every: int, last: int) -> bool:
  """Returns whether what happens `every` so many steps is due after `step`.

  After the last step it is always due.
  """
  return step % every == 0 or step == last


@dataclasses.dataclass
class _Run:
  """A run in progress: what the loop needs beside the state.

  `hole_l1` collects the error of each validation by what was validated.
  """

  config: Any
  setup: step_lib.Setup
  mesh: jax.sharding.Mesh
  checkpoints: checkpoints_lib.Checkpoints
  log: logging_lib.RunLog
  validation: validation_lib.Validation | None
  hole_l1: dict[str, float] = dataclasses.field(default_factory=dict)
  last_strip: pathlib.Path | None = None

  def train(self, state, batches: Iterator[batch_lib.Batch]):
    """Loops over the steps that remain and returns the last state."""
    schedule, last = self.config.schedule, self.config.schedule.steps
    first = int(state.step)
    train_step = jax.jit(
      step_lib.make_train_step(self.setup),
      donate_argnums=0,
      out_shardings=devices.replicated(self.mesh),
    )
    self.validate(first, state)
    meter = meter_lib.Meter(self.config.data.batch_size)
    batch = None
    for step in range(first + 1, last + 1):
      if batch is None:
        batch = self.next_batch(batches, meter)
      state, metrics = train_step(state, batch)
      # The next batch is fetched and copied while the devices compute.
      batch = self.next_batch(batches, meter) if step < last else None
      meter.add(metrics)
      saves = is_due(step, every=schedule.checkpoint_every_steps, last=last)
      # A report stops a run that diverged: never save before one.
      if saves or is_due(step, every=schedule.log_every_steps, last=last):
        self.report(step, meter)
      if saves:
        with self.log.timed("checkpoint"), meter.paused():
          self.checkpoints.save(state, self.config.to_dict())
      if is_due(step, every=schedule.evaluate_every_steps, last=last):
        with self.log.timed("validation"), meter.paused():
          self.validate(step, state)
      self.log.after_step(step)
    self.summarize()
    return state

  def next_batch(self, batches, meter):
    """Takes a batch from the stream and lays it on the devices."""
    with meter.waiting():
      batch = next(batches)
    return devices.put_batch(batch, self.mesh)

  def report(self, step: int, meter) -> None:
    """Writes the means since the last report, and stops if they are broken."""
    scalars = meter.take()
    self.log.scalars(step, {f"train/{k}": v for k, v in scalars.items()})
    self.log.line(step, {name: scalars[name] for name in _ON_THE_TERMINAL})
    # The norms too: a loss is finite one step longer than its gradient.
    for name in _MUST_BE_FINITE:
      if not np.isfinite(scalars[name]):
        raise errors.UserError(
          f"step {step}: {name} is {scalars[name]}; lower the learning rates "
          "in config.optimizer or set config.optimizer.clip_norm"
        )

  def validate(self, step: int, state) -> None:
    """Scores the validation pictures and draws their strip."""
    if self.validation is None:
      return
    if not self.hole_l1:
      self.hole_l1["mean fill"] = self.validation.score_mean_fill()
    result = self.validation(state.best_generator)
    self.hole_l1[f"step {step}"] = result.scores["hole_l1"]
    scores = {f"validation/{k}": v for k, v in result.scores.items()}
    self.log.scalars(step, scores)
    self.log.line(step, scores)
    self.last_strip = self.log.strip(step, result.strip)

  def summarize(self) -> None:
    """Prints where the last strip is and how the error in the hole fell."""
    if self.validation is None or jax.process_index() > 0:
      return
    names = list(self.hole_l1)
    shown = dict.fromkeys([*names[:2], names[-1]])
    errors_in_hole = ", ".join(f"{n} {self.hole_l1[n]:.4f}" for n in shown)
    print(f"strip of completed validation pictures: {self.last_strip}")
    print(
      f"hole l1 on {self.validation.pictures} held-out pictures: "
      f"{errors_in_hole}"
    )


def _create_or_restore(config, setup, mesh, workdir, checkpoints):
  """Returns the state to begin with, on all devices of the mesh."""
  sharding = devices.replicated(mesh)
  create = lambda key: state_lib.create_state(
    key, setup, image_size=tuple(config.data.image_size)
  )
  key = jax.random.key(config.seed)
  # Drawing random numbers compiles eight times as long with optimisation.
  quickly = {"xla_backend_optimization_level": 0}
  create_on_devices = jax.jit(
    create, out_shardings=sharding, compiler_options=quickly
  )
  step = checkpoints.latest_step()
  if step is None:
    return create_on_devices(key)
  if checkpoints.is_imported(step):
    checkpoints.check_fits(step, config.to_dict())
    model = checkpoint_reader.read(workdir, with_discriminator=True)
    logging.info("begins with the weights imported into %s", model.folder)
    state = state_lib.begin_with(create_on_devices(key), model)
    return jax.device_put(state, sharding)
  like = checkpoints_lib.abstract(jax.eval_shape(create, key), sharding)
  state = checkpoints.restore(step, like, config.to_dict())
  logging.info("resumed at step %d", step)
  return state


def _make_validation(config, setup, mesh):
  """Returns the validation of a config, None if it wants no pictures."""
  if not config.evaluation.pictures:
    return None
  return validation_lib.Validation(
    setup.generator,
    data_build.validation_batches(config),
    mesh,
    batch_size=config.evaluation.batch_size,
    strips=config.evaluation.strips,
  )


def _open_log(config, workdir, state):
  """Opens the log and writes what describes the run."""
  is_first = jax.process_index() == 0
  log = logging_lib.RunLog(
    workdir,
    steps=config.schedule.steps,
    log_every_steps=config.schedule.log_every_steps,
    profile=config.schedule.profile,
    is_first=is_first,
  )
  texts = {"config": str(config)}
  for network in ("generator", "discriminator"):
    overview = parameter_overview.get_parameter_overview(
      getattr(state, network), include_stats=False
    )
    texts[network] = overview
    if is_first:
      logging.info("parameters of the %s:\n%s", network, overview)
  log.texts({name: f"```\n{text}\n```" for name, text in texts.items()})
  return log


def _make_workdir(workdir) -> pathlib.Path:
  """Creates the folder of a run and makes sure that it can be written."""
  workdir = pathlib.Path(workdir).expanduser()
  try:
    for folder in (checkpoints_lib.FOLDER, logging_lib.STRIPS):
      (workdir / folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=workdir):
      pass
  except OSError as error:
    raise errors.UserError(
      f"--workdir={workdir}: cannot be written ({error.strerror}); name a "
      "folder that can"
    ) from error
  return workdir
