"""Trains a model.

  python -m gatedinpaint_jax.main --config=configs/places2.py \
      [--workdir=DIR] [--config.section.key=value ...]

Continues by itself when the workdir holds a checkpoint. A mistake in the
config, the pictures or the flags ends with one line and exit code 2.
"""

import os
import pathlib
import sys

from absl import app, flags, logging
from ml_collections import config_flags

from gatedinpaint_jax import command_line, errors, terminal

_CONFIG = config_flags.DEFINE_config_file(
  "config", None, "What to train: a file of configs/.", lock_config=True
)
_WORKDIR = flags.DEFINE_string(
  "workdir",
  None,
  "Where checkpoints, strips and TensorBoard's events go; by default runs/ and "
  "the name of the config.",
)

_ALLOW_CONFIG_CHANGE = flags.DEFINE_bool(
  "allow_config_change",
  False,
  "Go on from a checkpoint that was made with another config.",
)

_DETERMINISTIC = flags.DEFINE_bool(
  "deterministic",
  False,
  "On a GPU: use no operation whose result depends on the order of its "
  "threads. Slower; a run that was stopped then ends with the bits of one that "
  "was not.",
)

_DISTRIBUTED = flags.DEFINE_bool(
  "distributed",
  False,
  "This is one of several processes of one run; where the cluster does not say "
  "which, the three flags below do.",
)
_COORDINATOR = flags.DEFINE_string(
  "coordinator", None, "HOST:PORT of process 0, for --distributed."
)
_PROCESSES = flags.DEFINE_integer(
  "processes", None, "How many processes there are, for --distributed."
)
_PROCESS = flags.DEFINE_integer(
  "process", None, "Which of them this is, from 0, for --distributed."
)


def main(argv):
  """Trains what the flags describe and returns the exit code."""
  del argv
  # After the flags are known to be right.
  from gatedinpaint_jax import train
  from gatedinpaint_jax.training import hosts

  name = pathlib.Path(config_flags.get_config_filename(flags.FLAGS["config"]))
  workdir = _WORKDIR.value or os.path.join("runs", name.stem)
  terminal.tidy()
  logging.info("workdir: %s", workdir)
  if _DETERMINISTIC.value:
    # XLA reads it when the first device is asked for.
    asked = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"{asked} --xla_gpu_deterministic_ops=true"
  try:
    if _DISTRIBUTED.value:
      hosts.join(
        coordinator=_COORDINATOR.value,
        processes=_PROCESSES.value,
        process=_PROCESS.value,
      )
    train.train_and_evaluate(
      _CONFIG.value, workdir, allow_config_change=_ALLOW_CONFIG_CHANGE.value
    )
    return 0
  except errors.UserError as error:
    code = command_line.fail(error)
  except KeyboardInterrupt:
    code = command_line.INTERRUPTED
  except Exception as error:
    if not _DISTRIBUTED.value:
      raise
    code = hosts.explain(
      error, then="; the same commands go on from the newest checkpoint"
    )
  if _DISTRIBUTED.value:
    hosts.leave(code)
  return code


def parse_flags(argv):
  """Parses the flags; what is wrong with them ends the program in one line."""
  try:
    rest = flags.FLAGS(argv)
    if flags.FLAGS["config"].value is None:
      raise flags.Error("--config is missing; --config=configs/quickstart.py")
    # A file that does not load says so only when it is used.
    _CONFIG.value.to_dict()
    if len(rest) > 1:
      raise flags.Error(f"{rest[1]!r} is no flag; flags begin with --")
  except ModuleNotFoundError as error:
    sys.exit(
      command_line.fail(f"{error}; run from the folder that holds configs/")
    )
  except flags.UnrecognizedFlagError as error:
    hint = command_line.name_the_nearest(error.flagname, flags.FLAGS)
    sys.exit(command_line.fail(hint))
  except (flags.Error, *command_line.CONFIG_ERRORS) as error:
    sys.exit(command_line.fail(error))
  return rest


if __name__ == "__main__":
  app.run(main, flags_parser=parse_flags)
