"""How long a training step takes beside that of the PyTorch port.

  git clone https://github.com/nipponjo/deepfillv2-pytorch PORT
  python -m venv TORCH && TORCH/bin/pip install torch
  python benchmarks/train_step.py --port=PORT --port_python=TORCH/bin/python

Both programs run in a process of their own on the same single core, in float32,
on random pictures with a box as hole. They take turns, so that whatever else
the machine does hits both. A step is an update of the discriminator and one of
the generator. Prints one JSON line: medians of the seconds, their ratio (ours /
port), and the least and greatest ratio of two steps that followed each other.
`processor` counts the seconds of the processor, which a busy machine changes
little, the other numbers those on the clock. Without --port only ours runs.
"""

import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

from absl import app, flags

_HERE = pathlib.Path(__file__).resolve()

_SIZE = flags.DEFINE_integer("size", 128, "Side of the pictures in pixels.")
_BATCH = flags.DEFINE_integer("batch", 2, "Pictures a step.")
_WIDTH = flags.DEFINE_integer("width", 48, "Channels of the first layer.")
_PORT = flags.DEFINE_string("port", None, "Checkout of the PyTorch port.")
_PORT_PYTHON = flags.DEFINE_string(
  "port_python", sys.executable, "The Python that has PyTorch."
)
_REPEATS = flags.DEFINE_integer("repeats", 15, "Measured steps of each.")
_CORE = flags.DEFINE_integer("core", 0, "Number of the processor core to use.")
_ANSWER = flags.DEFINE_bool(
  "answer", False, "Run our step for each line on stdin (for internal use)."
)

# The first steps compile, fault in memory and choose algorithms.
_WARM_UP = 2


def main(_):
  """Measures, or is the process that is measured."""
  if _ANSWER.value:
    return answer()
  # Inherited by the processes that are measured.
  os.sched_setaffinity(0, {_CORE.value})
  shape = [
    f"--{name}={flags.FLAGS[name].value}" for name in ("size", "batch", "width")
  ]
  commands = {"ours": [sys.executable, str(_HERE), "--answer", *shape]}
  if _PORT.value:
    script = str(_HERE.with_name("port_train_step.py"))
    commands["port"] = [
      _PORT_PYTHON.value,
      script,
      f"--port={_PORT.value}",
      *shape,
    ]
  programs = {name: start(command) for name, command in commands.items()}
  versions = {"python": platform.python_version()}
  for program in programs.values():
    versions |= json.loads(read(program))
  seconds = {name: [] for name in programs}
  for _ in range(_WARM_UP + _REPEATS.value):
    for name, program in programs.items():
      seconds[name].append(ask(program))
  for program in programs.values():
    program.stdin.close()
    program.wait()
  print(
    json.dumps(summary(seconds) | {"versions": versions, "command": sys.argv})
  )


def start(command):
  """Starts a program that answers lines."""
  return subprocess.Popen(
    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
  )


def ask(program) -> tuple[float, float]:
  """Lets a program run a step; returns its clock and processor seconds."""
  program.stdin.write("\n")
  program.stdin.flush()
  clock, processor = map(float, read(program).split())
  return clock, processor


def read(program) -> str:
  """Returns the next line that a program prints."""
  line = program.stdout.readline()
  if not line:
    sys.exit(f"{program.args[1]} ended early; see its message above.")
  return line


def summary(seconds) -> dict:
  """Returns medians and ratios; `seconds` has pairs per program, by name."""
  result = {}
  for index, prefix in enumerate(("", "processor_")):
    times = {
      name: [pair[index] for pair in pairs[_WARM_UP:]]
      for name, pairs in seconds.items()
    }
    medians = {
      name: statistics.median(values) for name, values in times.items()
    }
    for name, median in medians.items():
      result[f"{prefix}{name}_seconds"] = round(median, 3)
    if "port" in times:
      ratios = [
        a / b for a, b in zip(times["ours"], times["port"], strict=True)
      ]
      result |= {
        f"{prefix}ratio": round(medians["ours"] / medians["port"], 3),
        f"{prefix}ratio_min": round(min(ratios), 3),
        f"{prefix}ratio_max": round(max(ratios), 3),
      }
  return result


def answer():
  """Runs our step for each line on stdin."""
  import jax

  jax.config.update("jax_platforms", "cpu")
  step, state, batch = build_step()
  print(json.dumps({"jax": jax.__version__}), flush=True)
  for _ in sys.stdin:
    clock, processor = time.perf_counter(), time.process_time()
    state, metrics = jax.block_until_ready(step(state, batch))
    clock = time.perf_counter() - clock
    processor = time.process_time() - processor
    if not all(map(jax.numpy.isfinite, metrics.values())):
      sys.exit(f"our losses are not finite: {metrics}")
    print(clock, processor, flush=True)


def build_step():
  """Returns the jitted training step, its first state and a batch."""
  import jax
  import numpy as np

  from gatedinpaint_jax import batch as batch_lib
  from gatedinpaint_jax.networks import build
  from gatedinpaint_jax.training import objectives, optimizers
  from gatedinpaint_jax.training import state as state_lib
  from gatedinpaint_jax.training import step as step_lib

  sys.path.insert(0, str(_HERE.parent.parent / "configs"))
  import places2

  config = places2.get_config()
  config.model.width = _WIDTH.value
  generator, discriminator = build.build_networks(config)
  adam = optimizers.make_optimizer(1e-4, b1=0.5, b2=0.999)
  setup = step_lib.Setup(
    generator=generator,
    discriminator=discriminator,
    generator_optimizer=adam,
    discriminator_optimizer=adam,
    weights=objectives.LossWeights(**config.loss),
  )
  size = (_SIZE.value, _SIZE.value)
  create = lambda key: state_lib.create_state(key, setup, image_size=size)
  random = np.random.default_rng(0)
  image = random.uniform(-1, 1, (_BATCH.value, *size, 3)).astype(np.float32)
  mask = np.zeros((_BATCH.value, *size, 1), np.float32)
  hole = slice(_SIZE.value // 4, -(_SIZE.value // 4))
  mask[:, hole, hole] = 1
  batch = jax.device_put(batch_lib.Batch(image, mask))
  step = jax.jit(step_lib.make_train_step(setup), donate_argnums=0)
  return step, jax.jit(create)(jax.random.key(0)), batch


if __name__ == "__main__":
  app.run(main)
