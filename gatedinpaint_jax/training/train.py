"""Trains a model: builds everything that a config describes, then loops."""

import contextlib
import functools

import jax
from absl import logging

from gatedinpaint_jax.data import build as data_build
from gatedinpaint_jax.training import (
  checkpoint_reader,
  config_drift,
  devices,
  divergence,
  health,
  hosts,
  loop,
  preemption,
)
from gatedinpaint_jax.training import checkpoints as checkpoints_lib
from gatedinpaint_jax.training import logging as logging_lib
from gatedinpaint_jax.training import meter as meter_lib
from gatedinpaint_jax.training import setup as setup_lib
from gatedinpaint_jax.training import state as state_lib
from gatedinpaint_jax.training import validation as validation_lib
from gatedinpaint_jax.training import workdir as workdir_lib


def train_and_evaluate(
  config, workdir, *, allow_config_change: bool = False
) -> state_lib.TrainState:
  """Trains until `config.schedule.steps`, from the newest checkpoint if any.

  Args:
    config: as in `configs/places2.py`.
    workdir: folder of the run; created if missing. Gets `checkpoints/`,
      `strips/` and TensorBoard's events.
    allow_config_change: go on from a checkpoint of another config.

  Returns:
    The last state.

  Raises:
    UserError: if the config, the pictures or the workdir cannot be used, or
      the processes of the run have different configs.
  """
  config = setup_lib.fill_in(config)
  setup_lib.check_schedule(config.schedule)
  setup = setup_lib.build_setup(config)
  mesh = _make_mesh(config, setup)
  pictures = data_build.find_pictures(config)
  _log_found(pictures)
  validation = _make_validation(config, setup, mesh, pictures.validation)
  hosts.meet(config)
  workdir = workdir_lib.make(
    workdir, folders=(checkpoints_lib.FOLDER, logging_lib.STRIPS)
  )
  with contextlib.ExitStack() as stack:
    stack.enter_context(workdir_lib.held(workdir))
    stop = stack.enter_context(preemption.watch())
    checkpoints = stack.enter_context(
      checkpoints_lib.Checkpoints(
        workdir, keep=config.schedule.keep_checkpoints
      )
    )
    restore = functools.partial(
      _create_or_restore,
      config,
      setup,
      mesh,
      checkpoints,
      allow_config_change=allow_config_change,
    )
    restored = restore()
    log = _open_log(config, workdir, restored.state)
    stack.enter_context(contextlib.closing(log))
    run = loop.Run(
      config=config,
      workdir=workdir,
      setup=setup,
      mesh=mesh,
      checkpoints=checkpoints,
      restore=restore,
      log=log,
      validation=validation,
      preemption=stop,
      **_make_watchers(config, restored),
    )
    return run.train(restored.state, _batches(pictures, restored.state))


def _make_watchers(config, restored):
  """Returns what follows the run's metrics, from where they were saved."""
  return {
    "meter": meter_lib.Meter(config.data.batch_size, window=restored.window),
    "watch": divergence.Watch(
      config.schedule.skipped_steps_to_go_back,
      in_a_row=restored.skipped_in_a_row,
    ),
    "health": health.Health(
      batch_size=config.data.batch_size,
      has_hinge=config.loss.gan == "hinge" and config.loss.adversarial > 0,
      is_first=jax.process_index() == 0,
    ),
  }


def _batches(pictures, state):
  """Returns this process's rows of the batches that the state has not seen."""
  return pictures.batches(
    first_example=int(state.examples_seen),
    process_index=jax.process_index(),
    process_count=jax.process_count(),
  )


def _create_or_restore(
  config, setup, mesh, checkpoints, *, allow_config_change, up_to=None
) -> checkpoints_lib.Restored:
  """Returns the newest state that was saved or a first one, on all devices.

  With `up_to`, the newest one of those steps, if there is one.
  """
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
  step = checkpoints.newest_whole(up_to=up_to)
  if step is None:
    return checkpoints_lib.Restored(create_on_devices(key))
  folder, saved = checkpoints.folder(step), checkpoints.config(step)
  config_drift.check(
    saved, config.to_dict(), folder=folder, allow_change=allow_config_change
  )
  if "imported_from" in saved:
    model = checkpoint_reader.read(folder, with_discriminator=True)
    logging.info("begins with the weights imported into %s", folder)
    state = state_lib.begin_with(create_on_devices(key), model)
    return checkpoints_lib.Restored(jax.device_put(state, sharding))
  like = checkpoints_lib.abstract(jax.eval_shape(create, key), sharding)
  restored = checkpoints.restore(step, like)
  logging.info("resumed at step %d", step)
  return restored


def _make_mesh(config, setup):
  """Returns all devices, among which a batch can be divided."""
  mesh = devices.make_mesh()
  devices.check_batch_size(
    config.data.batch_size,
    mesh,
    key="config.data.batch_size",
    parts=setup.accumulation_steps,
  )
  return mesh


def _log_found(pictures):
  """Says how many pictures there are, before anything takes time."""
  if jax.process_index() == 0:
    logging.info(
      "found %d pictures for training and %d for validation",
      pictures.training,
      sum(len(batch.image) for batch in pictures.validation),
    )


def _make_validation(config, setup, mesh, batches):
  """Returns the validation of a config, None if there are no pictures."""
  if not batches:
    return None
  return validation_lib.Validation(
    setup.generator,
    batches,
    mesh,
    batch_size=config.evaluation.batch_size,
    strips=config.evaluation.strips,
  )


def _open_log(config, workdir, state):
  """Opens the log and writes what describes the run."""
  log = logging_lib.RunLog(
    workdir,
    first_step=int(state.step),
    steps=config.schedule.steps,
    batch_size=config.data.batch_size,
    profile=config.schedule.profile,
    is_first=jax.process_index() == 0,
  )
  networks = {
    name: getattr(state, name) for name in ("generator", "discriminator")
  }
  log.describe(config, {k: v for k, v in networks.items() if v is not None})
  return log
