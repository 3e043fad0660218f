"""Trains a model: builds what a config describes, then runs the loop."""

import contextlib
import functools

import jax
from absl import logging

from gatedinpaint_jax import errors
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import build as data_build
from gatedinpaint_jax.data import survey, value_ranges
from gatedinpaint_jax.training import (
  checkpoint_reader,
  config_drift,
  devices,
  hosts,
  loop,
  preemption,
)
from gatedinpaint_jax.training import checkpoints as checkpoints_lib
from gatedinpaint_jax.training import logging as logging_lib
from gatedinpaint_jax.training import setup as setup_lib
from gatedinpaint_jax.training import state as state_lib
from gatedinpaint_jax.training import validation as validation_lib
from gatedinpaint_jax.training import workdir as workdir_lib

# Files that are looked at before the first step; `check_data` looks at all.
_LOOKED_AT = 1000


def train_and_evaluate(
  config, workdir, *, allow_config_change: bool = False
) -> state_lib.TrainState:
  """Trains until `config.schedule.steps`, from the newest checkpoint if any.

  The config is as in `configs/places2.py`. A missing workdir is created; it
  gets `checkpoints/`, `strips/` and TensorBoard events. `allow_config_change`
  resumes from a checkpoint with a different config.

  Raises:
    UserError: if the config, the pictures or the workdir cannot be used, or the
      processes of the run have different configs.
  """
  config = _fill_in(config, workdir)
  setup = setup_lib.build_setup(config)
  mesh = devices.make_mesh()
  devices.check_batch_size(
    config.data.batch_size, mesh, setup.accumulation_steps
  )
  _check_files(config)
  pictures = data_build.find_pictures(config)
  validation = validation_lib.Validation(
    setup.generator,
    pictures.validation,
    mesh,
    batch_size=config.evaluation.batch_size,
    strips=config.evaluation.strips,
    values=values_lib.from_config(config),
    shown_channels=config.data.shown_channels,
  )
  _log_start(setup, pictures, validation)
  hosts.synchronize(config)
  workdir = workdir_lib.make(
    workdir, folders=(checkpoints_lib.FOLDER, logging_lib.STRIPS)
  )
  with (
    workdir_lib.locked(workdir),
    preemption.watch() as stop,
    checkpoints_lib.Checkpoints(
      workdir, keep=config.schedule.keep_checkpoints
    ) as checkpoints,
  ):
    restore = functools.partial(
      _create_or_restore, config, setup, mesh, checkpoints, allow_config_change
    )
    restored = restore()
    with contextlib.closing(_open_log(config, workdir, restored.state)) as log:
      run = loop.Run(
        config,
        setup=setup,
        mesh=mesh,
        checkpoints=checkpoints,
        restore=restore,
        restored=restored,
        log=log,
        validation=validation,
        preemption=stop,
      )
      return run.train(restored.state, _batches(pictures, restored.state))


def _fill_in(config, workdir):
  """Returns a config with all that it leaves open."""
  config, saved = setup_lib.fill_in(config), None
  with contextlib.suppress(errors.UserError, *checkpoint_reader.DAMAGE):
    saved = checkpoint_reader.read_config(checkpoint_reader.find(workdir))
  return value_ranges.fill_in(config, saved)


def _check_files(config) -> None:
  """Logs what is odd about the files; raises UserError for a problem."""
  found = survey.look(config, most=_LOOKED_AT)
  for note in found.notes if jax.process_index() == 0 else ():
    logging.warning("%s", errors.printable(note))
  if found.problems:
    raise errors.UserError(found.problems[0])


def _batches(pictures, state):
  """Returns this process's rows of the batches that follow a state."""
  return pictures.batches(
    first_example=int(state.examples_seen),
    process_index=jax.process_index(),
    process_count=jax.process_count(),
  )


def _create_or_restore(
  config, setup, mesh, checkpoints, allow_config_change, *, up_to=None
) -> checkpoints_lib.Restored:
  """Returns the newest checkpoint or an initial state, on all devices.

  With `up_to`, a checkpoint of that step or before is preferred.
  """
  sharding = devices.replicated(mesh)
  create = lambda key: state_lib.create_state(
    key, setup, image_size=tuple(config.data.image_size)
  )
  key = jax.random.key(config.seed)
  # Optimization would make compiling the random numbers eight times slower.
  create_on_devices = jax.jit(
    create,
    out_shardings=sharding,
    compiler_options={"xla_backend_optimization_level": 0},
  )
  step = checkpoints.newest_intact(up_to=up_to)
  if step is None:
    return checkpoints_lib.Restored(create_on_devices(key))
  folder, saved = checkpoints.folder(step), checkpoints.config(step)
  config_drift.check(
    saved, config.to_dict(), folder=folder, allow_change=allow_config_change
  )
  if "imported_from" in saved:
    model = checkpoint_reader.read(folder, with_discriminator=True)
    logging.info("starting from the weights imported into %s", folder)
    state = state_lib.start_from(create_on_devices(key), model)
    return checkpoints_lib.Restored(jax.device_put(state, sharding))
  restored = checkpoints.restore(step, jax.eval_shape(create, key), sharding)
  logging.info("resumed at step %d", step)
  return restored


def _log_start(setup, pictures, validation):
  if jax.process_index() == 0:
    if setup.baseline_key is not None:
      logging.info(
        "config.%s is a baseline's, so baselines/step.py trains",
        setup.baseline_key,
      )
    logging.info(
      "found %d pictures for training and %d for validation",
      pictures.training,
      validation.pictures,
    )


def _open_log(config, workdir, state):
  """Opens the log and writes what describes the run."""
  log = logging_lib.RunLog(
    workdir,
    first_step=int(state.step),
    steps=config.schedule.steps,
    batch_size=config.data.batch_size,
    profile=config.schedule.profile,
  )
  networks = {"generator": state.generator}
  if state.discriminator is not None:
    networks["discriminator"] = state.discriminator
  log.write_description(config, networks)
  return log
