"""How long a training step takes beside that of the PyTorch port.

  python benchmarks/train_step.py --port=PORT --port_python=TORCH/bin/python
  python benchmarks/train_step.py --port=PORT --port_python=TORCH/bin/python \
      --device=gpu --bfloat16 --size=256 --batch=16 [--peak_tflops=N]

Both programs run in a process of their own on the same single core, in float32
unless told otherwise, on random pictures with a box as hole. They take turns
(`turns.py`). A step is an update of the discriminator and one of the generator.
Prints one JSON line: median, least and greatest of the seconds and of the
pictures per second, and the ratio ours / port: of the medians, the least and
the greatest of two steps that followed each other. `processor_` counts the
seconds of the processor, which a busy machine changes little, the other numbers
those on the clock.
Without --port (`peers.py`) only ours runs.

On a GPU both have all cores, the pictures lie on the GPU, the port runs under
torch.compile with its channels last, and a step ends when the GPU has done its
work and the losses have been read. `--peak_tflops` also prints the share of
that peak, for the multiply-adds of `multiply_adds.of_training_step`.
"""

import json
import math
import pathlib
import sys

import accelerator
import command
import peers
import turns
from absl import flags

_HERE = pathlib.Path(__file__).resolve()

_SIZE = command.side("size", 128, "Side of the pictures in pixels.")
_BATCH = command.whole("batch", 2, "Pictures a step.")
_WIDTH = command.whole("width", 48, "Channels of the first layer.", least=4)
_REPEATS = command.whole("repeats", 15, "Measured steps of each.")
_CORE = command.core(
  "core", "Number of the processor core to use; the first. All with a GPU."
)
_ANSWER = flags.DEFINE_bool(
  "answer", False, "Run our step for each line on stdin (for internal use)."
)


def main(_):
  """Measures, or is the process that is measured."""
  if _ANSWER.value:
    return answer()
  # Inherited by the processes that are measured.
  if not accelerator.is_gpu():
    command.use_core(_CORE.value)
  asked = {
    name: flags.FLAGS[name].value
    for name in ("size", "batch", "width", "bfloat16")
  }
  shape = [f"--{name}={asked[name]}" for name in ("size", "batch", "width")]
  shape += accelerator.arguments()
  commands = {"ours": [sys.executable, str(_HERE), "--answer", *shape]}
  if peers.PORT.value:
    commands["port"] = peers.port("port_train_step.py", *shape)
  measured = turns.measure(
    commands, repeats=_REPEATS.value, images=_BATCH.value
  )
  shares = accelerator.shares_of_peak(measured, commands, _multiply_adds)
  print(json.dumps({"benchmark": "train_step"} | asked | shares | measured))


def _multiply_adds():
  import multiply_adds

  return multiply_adds.of_training_step(_SIZE.value, width=_WIDTH.value)


def answer():
  """Runs our step for each line on stdin."""
  gpu = accelerator.choose()
  import jax

  step, state, batch = build_step()

  def turn():
    nonlocal state
    state, metrics = jax.block_until_ready(step(state, batch))
    if not all(map(math.isfinite, jax.device_get(metrics).values())):
      sys.exit(f"our losses are not finite: {metrics}")

  turns.answer(turn, {"jax": jax.__version__}, gpu=gpu)


def build_step():
  """Returns the jitted training step, its first state and a batch."""
  import jax
  import numpy as np

  from gatedinpaint_jax import batch as batch_lib
  from gatedinpaint_jax import compiler_options
  from gatedinpaint_jax.training import devices
  from gatedinpaint_jax.training import setup as setup_lib
  from gatedinpaint_jax.training import state as state_lib
  from gatedinpaint_jax.training import step as step_lib

  sys.path.insert(0, str(_HERE.parent.parent / "configs"))
  import places2

  config = places2.get_config()
  config.model.width = _WIDTH.value
  config.model.dtype = "bfloat16" if accelerator.BFLOAT16.value else "float32"
  setup = setup_lib.build_setup(config)
  size = (_SIZE.value, _SIZE.value)
  create = lambda key: state_lib.create_state(key, setup, image_size=size)
  random = np.random.default_rng(0)
  image = random.integers(0, 256, (_BATCH.value, *size, 3), np.uint8)
  mask = np.zeros((_BATCH.value, *size, 1), np.uint8)
  hole = slice(_SIZE.value // 4, -(_SIZE.value // 4))
  mask[:, hole, hole] = 1
  mesh = devices.make_mesh()
  batch = devices.put_batch(batch_lib.Batch(image, mask), mesh)
  step = jax.jit(
    step_lib.make_train_step(setup, mesh=mesh),
    donate_argnums=0,
    out_shardings=devices.replicated(mesh),
    compiler_options=compiler_options.for_backend(),
  )
  return step, jax.jit(create)(jax.random.key(0)), batch


if __name__ == "__main__":
  command.run(main)
