r"""Trains a model.

  python -m gatedinpaint_jax.main --config=configs/places2.py \
      [--workdir=DIR] [--config.section.key=value ...]

Resumes if the workdir holds a checkpoint. Exit codes: 0 finished, or saved and
stopped; 1 another process of the run was lost; 2 a mistake in the config, the
pictures or the flags.
"""

import os
import pathlib
import sys
import traceback

from absl import logging
from ml_collections import config_flags

from gatedinpaint_jax import command_line, errors, terminal


def main(argv) -> int:
  """Trains as the arguments say and returns the exit code."""
  options = _parse(argv)
  # Takes seconds to import; mistaken flags should not have to wait for it.
  from gatedinpaint_jax.training import train

  name = pathlib.Path(config_flags.get_config_filename(options["config"])).stem
  workdir = options.workdir or os.path.join("runs", name)
  terminal.tidy()
  logging.info("workdir: %s", workdir)
  if options.deterministic:
    # XLA reads this when the first device is requested.
    xla_flags = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"{xla_flags} --xla_gpu_deterministic_ops=true"

  def run():
    train.train_and_evaluate(
      options.config, workdir, allow_config_change=options.allow_config_change
    )
    return 0

  return _run_with_others(run, options) if options.distributed else run()


def _parse(argv) -> command_line.Flags:
  flag = command_line.Flags()
  flag.config_file(argv, "What to train: a file such as configs/quickstart.py.")
  flag.text(
    "workdir",
    "Folder for checkpoints, strips and TensorBoard events; by default runs/ "
    "and the name of the config.",
  )
  flag.switch(
    "allow_config_change",
    "Resume from a checkpoint with a different config.",
  )
  flag.switch(
    "deterministic",
    "On a GPU: use only deterministic operations, so that a resumed run is "
    "bit-identical to an uninterrupted one. Slower.",
  )
  flag.switch(
    "distributed",
    "This is one of several processes of a run. The three flags below are "
    "needed unless the cluster provides their values.",
  )
  flag.text("coordinator", "HOST:PORT of process 0, for --distributed.")
  flag.integer("processes", None, "How many there are, for --distributed.")
  flag.integer("process", None, "Which of them this is, from 0, likewise.")
  return command_line.parse(flag, argv, doc=__doc__, required=("config",))


def _run_with_others(run, options) -> int:
  """Runs as one of several processes; on failure, ends this one immediately."""
  import jax

  from gatedinpaint_jax.training import hosts

  code = 1
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
  except jax.errors.JaxRuntimeError as error:
    print(
      f"error: process {jax.process_index()} of {jax.process_count()} cannot "
      f"continue ({errors.first_words(error)}); if another process has ended, "
      "its log says why; the same commands resume from the newest checkpoint",
      file=sys.stderr,
    )
  except Exception:
    traceback.print_exc()
  # An ordinary exit would wait for the others while they wait for this process;
  # now they notice.
  sys.stdout.flush()
  sys.stderr.flush()
  os._exit(code)


if __name__ == "__main__":
  command_line.run(main)
