"""How many training holes a processor core draws in a second, two ways.

  taskset -c 0 python benchmarks/strokes.py [--kind=strokes_and_boxes]

In TensorFlow, as the pipeline does, and with Pillow through
`tf.numpy_function`; both in a tf.data map, in batches of 16, with the released
numbers. They take turns, so that whatever else the machine does hits both.
Prints one JSON line: masks per processor second, all threads counted.
"""

import time

import command
import machine
import medians
import numpy as np
import tensorflow as tf
from absl import flags

from gatedinpaint_jax.data import hole_shapes, masks, pillow_masks

_KIND = flags.DEFINE_enum(
  "kind",
  "strokes",
  ["strokes", "boxes", "strokes_and_boxes"],
  "Holes to draw.",
)
_SIZE = command.side("size", 256, "Side of the masks.")
_BATCHES = command.whole("batches", 20, "Batches of 16 in a turn.")
_REPEATS = command.whole("repeats", 9, "Turns of each.")
_BATCH_SIZE = 16


def main(_):
  """Measures and prints one JSON line."""
  holes = hole_shapes.Holes(kind=_KIND.value)
  streams = {
    "tensorflow": _drawn_in_tensorflow(holes),
    "pillow": _drawn_with_pillow(holes),
  }
  streams = {
    name: stream.prefetch(1).as_numpy_iterator()
    for name, stream in streams.items()
  }
  for stream in streams.values():
    _turn(stream)  # until the threads are tuned
  rates = {name: [] for name in streams}
  for _ in range(_REPEATS.value):
    for name, stream in streams.items():
      rates[name].append(_turn(stream))
  ratios = [a / b for a, b in zip(*rates.values(), strict=True)]
  result = {
    "kind": _KIND.value,
    "size": _SIZE.value,
    "per_cpu_second": {
      name: medians.summarize(values, digits=1)
      for name, values in rates.items()
    },
    "tensorflow/pillow": medians.summarize(ratios, digits=2),
  }
  machine.report("strokes", result, ["tensorflow", "numpy", "pillow"])


def _drawn_in_tensorflow(holes) -> tf.data.Dataset:
  size = (_SIZE.value, _SIZE.value)
  numbers = tf.data.Dataset.range(2**62).map(
    lambda i: masks.draw_numbers(tf.stack([0, i]), *size, holes),
    num_parallel_calls=tf.data.AUTOTUNE,
  )
  return numbers.batch(_BATCH_SIZE).map(
    lambda batch: masks.fill(batch, *size, holes),
    num_parallel_calls=tf.data.AUTOTUNE,
  )


def _drawn_with_pillow(holes) -> tf.data.Dataset:
  size = (_SIZE.value, _SIZE.value)

  def draw(number):
    generator = np.random.default_rng(number)
    return pillow_masks.draw_mask(generator, *size, holes)

  drawn = tf.data.Dataset.range(2**62).map(
    lambda i: tf.ensure_shape(
      tf.numpy_function(draw, [i], tf.uint8), [*size, 1]
    ),
    num_parallel_calls=tf.data.AUTOTUNE,
  )
  return drawn.batch(_BATCH_SIZE)


def _turn(stream) -> float:
  """Returns masks per processor second."""
  begin = time.process_time()
  for _ in range(_BATCHES.value):
    next(stream)
  return _BATCHES.value * _BATCH_SIZE / (time.process_time() - begin)


if __name__ == "__main__":
  command.run(main)
