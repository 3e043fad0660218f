r"""Trains a model.

  python -m gatedinpaint_jax.main --config=configs/places2.py \
      [--workdir=DIR] [--config.section.key=value ...]

Goes on by itself if the workdir holds a checkpoint. Exit codes: 0 done, or
saved and stopped; 1 another process of the run was lost; 2 a mistake in the
config, the pictures or the flags.
"""

import os
import pathlib

from absl import flags, logging
from ml_collections import config_flags

from gatedinpaint_jax import command_line, errors, terminal


def main(argv) -> int:
  """Trains what the arguments describe and returns the exit code."""
  options = _parse(argv)
  # Takes seconds, and flags are known to be right now.
  from gatedinpaint_jax.training import train

  name = pathlib.Path(config_flags.get_config_filename(options["config"])).stem
  workdir = options.workdir or os.path.join("runs", name)
  terminal.tidy()
  logging.info("workdir: %s", workdir)
  if options.deterministic:
    # XLA reads it when the first device is asked for.
    asked = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"{asked} --xla_gpu_deterministic_ops=true"

  def run():
    train.train_and_evaluate(
      options.config, workdir, allow_config_change=options.allow_config_change
    )
    return 0

  return _run_with_others(run, options) if options.distributed else run()


def _parse(argv) -> flags.FlagValues:
  values = flags.FlagValues()
  command_line.define_config(
    values, argv, "What to train: a file such as configs/quickstart.py."
  )
  flag = command_line.definers(values)
  flag.text(
    "workdir",
    None,
    "Where checkpoints, strips and TensorBoard's events go; by default runs/ "
    "and the name of the config.",
  )
  flag.switch(
    "allow_config_change",
    False,
    "Go on from a checkpoint that was made with another config.",
  )
  flag.switch(
    "deterministic",
    False,
    "On a GPU: use no operation whose result depends on the order of its "
    "threads. Slower; a run that was stopped then ends with the bits of one "
    "that was not.",
  )
  flag.switch(
    "distributed",
    False,
    "This is one of several processes of one run; where the cluster does not "
    "say which, the three flags below do.",
  )
  flag.text("coordinator", None, "HOST:PORT of process 0, for --distributed.")
  flag.integer("processes", None, "How many there are, for --distributed.")
  flag.integer("process", None, "Which of them this is, from 0, likewise.")
  return command_line.parse(values, argv, doc=__doc__, required=("config",))


def _run_with_others(run, options) -> int:
  """Runs as one of several processes; if that fails, ends this one at once."""
  from gatedinpaint_jax.training import hosts

  try:
    hosts.join(
      coordinator=options.coordinator,
      processes=options.processes,
      process=options.process,
    )
    return run()
  except errors.UserError as error:
    code = command_line.fail(error)
  except KeyboardInterrupt:
    code = command_line.INTERRUPTED
  except Exception as error:
    code = hosts.explain(
      error, then="; the same commands go on from the newest checkpoint"
    )
  hosts.leave(code)
  return code


if __name__ == "__main__":
  command_line.run(main)
