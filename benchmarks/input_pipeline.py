"""How many masked training pictures a processor core makes in a second.

  taskset -c 0 python benchmarks/input_pipeline.py [--images=FOLDER]

Reads a folder through the same code as training, with the released holes, and
prints one JSON line. Without a folder it makes one of 256 x 256 JPEG files of
about 14.5 kB. `per_cpu_second` divides by the
processor time of all threads, so a busy machine changes it little; `per_second`
divides by the time on the clock.
"""

import pathlib
import sys
import tempfile
import time

import command
import machine
import medians
import ml_collections
import numpy as np
from absl import flags
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "configs"))

import places2

from gatedinpaint_jax.data import build

_IMAGES = flags.DEFINE_string("images", None, "Folder of pictures to read.")
_SIZE = command.side("size", 256, "Side of the training pictures.")
_BATCHES = command.whole("batches", 40, "Batches of 16 in a run.")
_REPEATS = command.whole("repeats", 5, "Runs that are measured.")


def main(_):
  """Measures and prints one JSON line."""
  with tempfile.TemporaryDirectory() as made:
    folder = _IMAGES.value or _make_pictures(pathlib.Path(made))
    batches = build.find_pictures(_config(folder)).batches()
    for _ in range(8):  # until the threads are tuned
      next(batches)
    runs = [_run(batches) for _ in range(_REPEATS.value)]
  per_second, per_cpu_second = np.transpose(runs)
  result = {
    "size": _SIZE.value,
    "per_second": medians.summarize(per_second, digits=1),
    "per_cpu_second": medians.summarize(per_cpu_second, digits=1),
    "images": _IMAGES.value or "made, 256 x 256 JPEG",
  }
  machine.report("input_pipeline", result, ["tensorflow", "numpy"])


def _config(folder) -> ml_collections.ConfigDict:
  config = places2.get_config()
  config.data.source = "folder"
  config.data.path = str(folder)
  config.data.image_size = (_SIZE.value, _SIZE.value)
  config.data.batch_size = 16
  return config


def _run(batches):
  """Returns pictures per second of the clock and of processor time."""
  clock, cpu = time.perf_counter(), time.process_time()
  for _ in range(_BATCHES.value):
    next(batches)
  pictures = _BATCHES.value * 16
  return (
    pictures / (time.perf_counter() - clock),
    pictures / (time.process_time() - cpu),
  )


def _make_pictures(folder, count=200):
  """Writes JPEG files with detail at every scale, as photographs have it."""
  generator = np.random.default_rng(0)
  for i in range(count):
    pixels = np.zeros((256, 256, 3))
    for side in (4, 16, 64, 256):
      noise = generator.integers(0, 256, (side, side, 3), np.uint8)
      scaled = Image.fromarray(noise).resize((256, 256), Image.BICUBIC)
      pixels += np.asarray(scaled) * (1 / 2 if side == 4 else 1 / 6)
    picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    picture.save(folder / f"{i:04d}.jpg", quality=75)
  return folder


if __name__ == "__main__":
  command.run(main)
