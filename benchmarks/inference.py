"""How long a picture takes beside the PyTorch port.

  git clone https://github.com/nipponjo/deepfillv2-pytorch PORT
  python -m venv TORCH && TORCH/bin/pip install torch
  python benchmarks/inference.py --size=512 \
      --port=PORT --port_python=TORCH/bin/python

From uint8 pictures with a box as hole to completed ones, full width, random
weights. The programs take turns (`turns.py`): ours by each of `--backends`, and
`port`, the port under torch.compile in float32, or in bfloat16 with
`--port_bfloat16`.
Prints one JSON line: medians of the seconds, and for the first program and each
other one their ratio: of the medians, the least and the greatest of two turns
that followed each other. Without --port only ours runs.
"""

import json
import os
import pathlib
import sys

import turns
from absl import app, flags

_HERE = pathlib.Path(__file__).resolve()

_SIZE = flags.DEFINE_integer("size", 256, "Side of the pictures in pixels.")
_BATCH = flags.DEFINE_integer("batch", 1, "Pictures at once.")
_BACKENDS = flags.DEFINE_list(
  "backends", ["jax"], "What computes ours: jax, openvino, openvino_bf16."
)
_PORT = flags.DEFINE_string("port", None, "Checkout of the PyTorch port.")
_PORT_PYTHON = flags.DEFINE_string(
  "port_python", sys.executable, "The Python that has PyTorch."
)
_PORT_BFLOAT16 = flags.DEFINE_bool("port_bfloat16", False, "See above.")
_REPEATS = flags.DEFINE_integer("repeats", 9, "Measured turns of each.")
_CORES = flags.DEFINE_list("cores", None, "Processor cores to use; all.")
_ANSWER = flags.DEFINE_bool(
  "answer", False, "Complete a picture for each line (for internal use)."
)


def main(_):
  """Measures, or is the process that is measured."""
  if _ANSWER.value:
    return answer()
  if _CORES.value:
    # Inherited by the processes that are measured.
    os.sched_setaffinity(0, map(int, _CORES.value))
  shape = [f"--size={_SIZE.value}", f"--batch={_BATCH.value}"]
  commands = {
    backend: [
      *(sys.executable, str(_HERE), "--answer"),
      *(f"--backends={backend}", *shape),
    ]
    for backend in _BACKENDS.value
  }
  if _PORT.value:
    script = str(_HERE.with_name("port_inference.py"))
    commands["port"] = [
      *(_PORT_PYTHON.value, script, f"--port={_PORT.value}", *shape),
      *(["--bfloat16"] if _PORT_BFLOAT16.value else []),
    ]
  print(json.dumps(turns.measure(commands, repeats=_REPEATS.value)))


def answer():
  """Completes a picture for each line on stdin."""
  import jax
  import numpy as np

  import gatedinpaint_jax
  from gatedinpaint_jax.networks import inpaint_generator

  jax.config.update("jax_platforms", "cpu")
  generator = inpaint_generator.InpaintGenerator()
  small = np.zeros((1, 16, 16, 3)), np.zeros((1, 16, 16, 1))
  params = jax.jit(generator.init)(jax.random.key(0), *small)["params"]
  (backend,) = _BACKENDS.value
  inpainter = gatedinpaint_jax.Inpainter(generator, params, backend=backend)
  side = _SIZE.value
  random = np.random.default_rng(0)
  image = random.integers(0, 256, (_BATCH.value, side, side, 3), np.uint8)
  mask = np.zeros((_BATCH.value, side, side), bool)
  mask[:, side // 4 : -(side // 4), side // 4 : -(side // 4)] = True
  turns.answer(lambda: inpainter(image, mask), {"jax": jax.__version__})


if __name__ == "__main__":
  app.run(main)
