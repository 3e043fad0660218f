"""How long a picture takes beside its peers.

  python benchmarks/inference.py --size=512 \
      --port=PORT --port_python=TORCH/bin/python \
      --released=RELEASED --neuralgym=NEURALGYM
  python benchmarks/inference.py --port=PORT --port_python=TORCH/bin/python \
      --device=gpu --bfloat16 --size=512 --batch=16 [--peak_tflops=N]

From uint8 pictures with a box as hole to completed ones, full width, random
weights. The programs take turns (`turns.py`): ours by each of `--backends`, and
the peers whose checkouts are given (`peers.py`): `port`, the PyTorch port under
torch.compile in float32, or in bfloat16 with `--port_bfloat16`, and `released`,
the graph of the released program in TensorFlow 2.
Prints one JSON line: median, least and greatest of the seconds and of the
pictures per second, and for the first program and each other one their ratio:
of the medians, the least and the greatest of two turns that followed each
other.

On a GPU the pictures come from the memory of the processor and go there, as
they do for users, and the port's channels are last. `--peak_tflops` also prints
the share of that peak, for the multiply-adds of `multiply_adds.of_generator`.
"""

import importlib.metadata
import json
import pathlib
import sys

import accelerator
import command
import peers
import turns
from absl import flags

from gatedinpaint_jax import errors

_HERE = pathlib.Path(__file__).resolve()

_SIZE = command.side("size", 256, "Side of the pictures in pixels.")
_BATCH = command.whole("batch", 1, "Pictures at once.")
_BACKENDS = command.names(
  "backends",
  ["jax"],
  ("jax", "openvino", "openvino_bf16"),
  "What computes ours: jax, openvino, openvino_bf16.",
)
_LARGE = flags.DEFINE_enum(
  "large", "exact", ["exact", "detail"], "How ours fills large pictures."
)
_PORT_BFLOAT16 = flags.DEFINE_bool(
  "port_bfloat16", False, "The port alone in bfloat16."
)
_REPEATS = command.whole("repeats", 9, "Measured turns of each.")
_CORES = command.cores("cores", "Processor cores to use; all.")
_ANSWER = flags.DEFINE_bool(
  "answer", False, "Complete a picture for each line (for internal use)."
)


def main(_):
  """Measures, or is the process that is measured."""
  if _ANSWER.value:
    return answer()
  _check()
  # Inherited by the processes that are measured.
  command.use_cores(_CORES.value)
  where = accelerator.arguments()
  shape = [f"--size={_SIZE.value}", f"--batch={_BATCH.value}"]
  commands = {
    backend: [
      *(sys.executable, str(_HERE), "--answer", f"--large={_LARGE.value}"),
      *(f"--backends={backend}", *shape, *where),
    ]
    for backend in _BACKENDS.value
  }
  if peers.PORT.value:
    precision = ["--bfloat16"] if _PORT_BFLOAT16.value else []
    commands["port"] = peers.port(
      "port_inference.py", *shape, *where, *precision
    )
  if peers.RELEASED.value:
    commands["released"] = peers.released(*shape)
  measured = turns.measure(
    commands, repeats=_REPEATS.value, images=_BATCH.value
  )
  asked = {
    name: flags.FLAGS[name].value
    for name in ("size", "batch", "bfloat16", "large")
  }
  shares = accelerator.shares_of_peak(measured, commands, _multiply_adds)
  print(json.dumps({"benchmark": "inference"} | asked | shares | measured))


def _check():
  """Raises UserError if a program cannot compute where it is told to."""
  for backend in _BACKENDS.value:
    if accelerator.is_gpu() and backend != "jax":
      raise errors.UserError(
        f"--backends={backend}: computes on processors; --device=gpu goes with"
        " --backends=jax"
      )
    if accelerator.BFLOAT16.value and "openvino" in backend:
      raise errors.UserError(
        f"--backends={backend}: its name says its precision; --bfloat16 goes"
        " with jax"
      )
  for flag, is_given in (
    ("--device=gpu", accelerator.is_gpu()),
    ("--bfloat16", accelerator.BFLOAT16.value),
  ):
    if is_given and peers.RELEASED.value:
      raise errors.UserError(
        f"--released: is run on processors in float32; leave it out with {flag}"
      )


def _multiply_adds():
  import multiply_adds

  return sum(multiply_adds.of_generator(_SIZE.value))


def answer():
  """Completes a picture for each line on stdin."""
  gpu = accelerator.choose()
  import jax
  import ml_collections
  import numpy as np

  import gatedinpaint_jax
  from gatedinpaint_jax import build
  from gatedinpaint_jax.inference import spread

  (backend,) = _BACKENDS.value
  spread.use_cores(_BATCH.value)  # as `inpaint` does
  dtype = "bfloat16" if accelerator.BFLOAT16.value else "float32"
  model = {"conv": "gated", "width": 48, "guided": False, "dtype": dtype}
  config = ml_collections.ConfigDict({"model": model})
  generator, _ = build.build_networks(config)
  small = np.zeros((1, 16, 16, 3)), np.zeros((1, 16, 16, 1))
  params = jax.jit(generator.init)(jax.random.key(0), *small)["params"]
  inpainter = gatedinpaint_jax.Inpainter(
    generator, params, backend=backend, large=_LARGE.value
  )
  side = _SIZE.value
  random = np.random.default_rng(0)
  image = random.integers(0, 256, (_BATCH.value, side, side, 3), np.uint8)
  mask = np.zeros((_BATCH.value, side, side), bool)
  mask[:, side // 4 : -(side // 4), side // 4 : -(side // 4)] = True
  packages = ["jax", "jaxlib", *(["openvino"] if backend != "jax" else [])]
  versions = {name: importlib.metadata.version(name) for name in packages}
  turns.answer(lambda: inpainter(image, mask), versions, gpu=gpu)


if __name__ == "__main__":
  command.run(main)
