"""How long a picture takes beside its peers.

  python benchmarks/inference.py --size=512 \
      --port=PORT --port_python=TORCH/bin/python \
      --released=RELEASED --neuralgym=NEURALGYM

From uint8 pictures with a box as hole to completed ones, full width, random
weights. The programs take turns (`turns.py`): ours by each of `--backends`, and
the peers whose checkouts are given (`peers.py`): `port`, the PyTorch port under
torch.compile in float32, or in bfloat16 with `--port_bfloat16`, and `released`,
the graph of the released program in TensorFlow 2.
Prints one JSON line: median, least and greatest of the seconds, and for the
first program and each other one their ratio: of the medians, the least and the
greatest of two turns that followed each other.
"""

import importlib.metadata
import json
import os
import pathlib
import sys

import peers
import turns
from absl import app, flags

_HERE = pathlib.Path(__file__).resolve()

_SIZE = flags.DEFINE_integer("size", 256, "Side of the pictures in pixels.")
_BATCH = flags.DEFINE_integer("batch", 1, "Pictures at once.")
_BACKENDS = flags.DEFINE_list(
  "backends",
  ["jax"],
  "What computes ours: jax, tuned (jax so), openvino, openvino_bf16.",
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
  if peers.PORT.value:
    precision = ["--bfloat16"] if _PORT_BFLOAT16.value else []
    commands["port"] = peers.port("port_inference.py", *shape, *precision)
  if peers.RELEASED.value:
    commands["released"] = peers.released(*shape)
  measured = turns.measure(commands, repeats=_REPEATS.value)
  asked = {"size": _SIZE.value, "batch": _BATCH.value}
  print(json.dumps({"benchmark": "inference"} | asked | measured))


def answer():
  """Completes a picture for each line on stdin."""
  import jax
  import numpy as np

  import gatedinpaint_jax
  from gatedinpaint_jax.inference import spread
  from gatedinpaint_jax.networks import inpaint_generator

  jax.config.update("jax_platforms", "cpu")
  (backend,) = _BACKENDS.value
  tuned = backend == "tuned"
  backend = "jax" if tuned else backend
  spread.use_cores(None if tuned else _BATCH.value)  # as `inpaint` does
  generator = inpaint_generator.InpaintGenerator()
  small = np.zeros((1, 16, 16, 3)), np.zeros((1, 16, 16, 1))
  params = jax.jit(generator.init)(jax.random.key(0), *small)["params"]
  inpainter = gatedinpaint_jax.Inpainter(
    generator, params, backend=backend, tuned=tuned
  )
  side = _SIZE.value
  random = np.random.default_rng(0)
  image = random.integers(0, 256, (_BATCH.value, side, side, 3), np.uint8)
  mask = np.zeros((_BATCH.value, side, side), bool)
  mask[:, side // 4 : -(side // 4), side // 4 : -(side // 4)] = True
  packages = ["jax", "jaxlib", *(["openvino"] if backend != "jax" else [])]
  versions = {name: importlib.metadata.version(name) for name in packages}
  turns.answer(lambda: inpainter(image, mask), versions)


if __name__ == "__main__":
  app.run(main)
