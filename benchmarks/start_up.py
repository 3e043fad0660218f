"""How long it takes from the start of a process to the first picture.

  python benchmarks/start_up.py [--cores=1] [--port=PORT --port_python=TORCH]

Each run is a fresh process that imports `Inpainter`, loads a checkpoint (full
width, random weights) and completes two pictures of one size. `jax_first` finds
no compiled program, as on the first day; `jax_again` finds them in the
compilation cache; `openvino` and, given the checkout of the PyTorch port
(`peers.py`), `port_eager`, which makes its weights instead of loading any, keep
none. The programs take turns, after one run each that does not count and
reads the files into memory.

Prints one JSON line: for each program and stage, the seconds since the process
was started, on the clock and of the processor; median, least and greatest.
"""

import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import command
import machine
import medians
import peers
from absl import flags, logging

_HERE = pathlib.Path(__file__).resolve()

_SIZE = command.side("size", 256, "Side of the pictures in pixels.")
_PROGRAMS = command.names(
  "programs",
  ["jax_first", "jax_again", "openvino"],
  ("jax_first", "jax_again", "openvino"),
  "Which of ours.",
)
_REPEATS = command.whole("repeats", 5, "Runs that count.")
_CORES = command.cores("cores", "Processor cores to use; all.")
_CHECKPOINT = flags.DEFINE_string(
  "checkpoint", None, "Complete pictures with it (for internal use)."
)
_BACKEND = flags.DEFINE_string("backend", "jax", "With what, likewise.")


def main(_):
  """Measures, or is the process that is measured."""
  logging.set_verbosity(logging.WARNING)  # checkpointing prints 20 lines a load
  if _CHECKPOINT.value:
    return complete()
  # Inherited by the processes that are measured.
  command.use_cores(_CORES.value)
  with tempfile.TemporaryDirectory() as folder:
    checkpoint = f"{folder}/checkpoint"
    _save_checkpoint(checkpoint)
    commands = _commands(checkpoint)
    _, *runs = [
      {name: _run(name, started, folder) for name, started in commands.items()}
      for _ in range(1 + _REPEATS.value)
    ]
  told = machine.describe([])
  for run in runs[0].values():
    told["versions"] |= run["versions"]
  print(
    json.dumps(
      {
        "benchmark": "start_up",
        "size": _SIZE.value,
        "seconds": _summary(runs, 0),
        "processor_seconds": _summary(runs, 1),
      }
      | told
    )
  )


def complete():
  """Completes two pictures and prints when each stage was reached."""
  import numpy as np

  from gatedinpaint_jax import Inpainter

  stages = {"imported": _now()}
  inpainter = Inpainter.from_checkpoint(
    _CHECKPOINT.value, backend=_BACKEND.value
  )
  stages["ready"] = _now()
  side = _SIZE.value
  image = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
  mask = np.zeros((side, side), bool)
  mask[side // 4 : -(side // 4), side // 4 : -(side // 4)] = True
  inpainter(image, mask)
  stages["first_picture"] = _now()
  inpainter(image, mask)
  stages["second_picture"] = _now()
  packages = ["jax", "jaxlib"]
  packages += ["openvino"] if _BACKEND.value != "jax" else []
  versions = {name: importlib.metadata.version(name) for name in packages}
  print(json.dumps({"stages": stages, "versions": versions}))


def _now():
  return time.monotonic(), time.process_time()


def _save_checkpoint(folder):
  """Saves a generator as `import_weights` does."""
  import jax
  import jax.numpy as jnp

  from gatedinpaint_jax.networks import inpaint_generator
  from gatedinpaint_jax.training import checkpoints
  from gatedinpaint_jax.weights import names

  jax.config.update("jax_platforms", "cpu")
  model = names.released_model(guided=False)
  generator = inpaint_generator.InpaintGenerator(width=model["width"])
  small = jnp.zeros((1, 16, 16, 3)), jnp.zeros((1, 16, 16, 1))
  params = jax.jit(generator.init)(jax.random.key(0), *small)["params"]
  config = {"model": model, "imported_from": "random"}
  with checkpoints.Checkpoints(folder, keep=1) as store:
    store.save_imported({"generator": params}, config)


def _commands(checkpoint) -> dict:
  """Returns the commands of the programs by name."""
  size = f"--size={_SIZE.value}"
  ours = [sys.executable, str(_HERE), f"--checkpoint={checkpoint}", size]
  commands = {
    name: [*ours, f"--backend={name.partition('_')[0]}"]
    for name in _PROGRAMS.value
  }
  if peers.PORT.value:
    commands["port_eager"] = peers.port("port_start_up.py", size, "--eager")
  return commands


def _run(name, program, folder) -> dict:
  """Runs a program; returns `versions`, and (clock, processor) of `stages`."""
  environment = dict(os.environ, JAX_PLATFORMS="cpu")
  environment.pop("JAX_COMPILATION_CACHE_DIR", None)
  with tempfile.TemporaryDirectory() as empty:
    cache = empty if name == "jax_first" else f"{folder}/{name}"
    started = time.monotonic()
    printed = subprocess.run(
      program,
      env=environment | {"XDG_CACHE_HOME": cache},
      stdout=subprocess.PIPE,
      text=True,
      check=True,
    ).stdout
  told = json.loads(printed)
  told["stages"] = {
    stage: (clock - started, processor)
    for stage, (clock, processor) in told["stages"].items()
  }
  return told


def _summary(runs, index) -> dict:
  """Returns the spread of one of the two kinds of seconds."""
  return {
    name: {
      stage: medians.summarize(
        [run[name]["stages"][stage][index] for run in runs]
      )
      for stage in first["stages"]
    }
    for name, first in runs[0].items()
  }


if __name__ == "__main__":
  command.run(main)
