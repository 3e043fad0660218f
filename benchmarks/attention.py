"""What the three forms of contextual attention take: time and memory.

  python benchmarks/attention.py [--sizes=256,512] [--gradient] [--core=1]

All compute the attention of one picture at full width (96 channels, a quarter
of the picture's size), in float32 on one core, in turns, so that whatever else
the machine does hits all. Prints one JSON line: for each size of the picture
the median seconds of the processor and their spread, and the bytes that the
compiled program needs besides its inputs and outputs. Beyond --largest_at_once
only the one in pieces runs.
"""

import functools
import time

import command
import machine
import medians
from absl import flags

_SIZES = command.sides("sizes", [256, 384, 512], "Sides in pixels.")
_GRADIENT = flags.DEFINE_bool("gradient", False, "Forward and backward.")
_REPEATS = command.whole("repeats", 7, "Runs of each; 0: memory only.", least=0)
_CORE = command.core("core", "Number of the core to use; the first.")
_LARGEST = command.whole("largest_at_once", 1024, "Side in pixels.", least=0)
_CHANNELS = 96


def main(_):
  """Measures and prints one JSON line."""
  # Before the backend starts its threads.
  command.use_core(_CORE.value)
  import jax

  jax.config.update("jax_platforms", "cpu")
  sizes = {size: _measure(size) for size in _SIZES.value}
  result = {"gradient": _GRADIENT.value, "sizes": sizes}
  machine.report("attention", result, ["jax", "jaxlib"])


def _measure(size) -> dict:
  """Returns seconds and bytes of all forms for pictures of that side."""
  import jax

  from gatedinpaint_jax import compiler_options

  inputs = _inputs(size)
  options = compiler_options.for_backend()
  programs = {
    name: jax.jit(function, compiler_options=options).lower(*inputs).compile()
    for name, function in _ways(size).items()
  }
  seconds = {name: [] for name in programs}
  # The first run faults in memory.
  for _ in range(_REPEATS.value + 1 if _REPEATS.value else 0):
    for name, program in programs.items():
      begin = time.process_time()
      jax.block_until_ready(program(*inputs))
      seconds[name].append(time.process_time() - begin)
  return {
    name: {
      "temporary_bytes": program.memory_analysis().temp_size_in_bytes,
      "processor_seconds": medians.summarize(seconds[name][1:]),
    }
    for name, program in programs.items()
  }


def _ways(size) -> dict:
  """Returns the functions to measure by name."""
  import jax

  from gatedinpaint_jax.fast import chunked_attention, pixel_attention
  from gatedinpaint_jax.layers import contextual_attention

  modules = {"pieces": chunked_attention}
  if size <= _LARGEST.value:
    modules |= {"pixels": pixel_attention, "plain": contextual_attention}
  ways = {
    name: functools.partial(module.attend, fuse=True, softmax_scale=10.0)
    for name, module in modules.items()
  }
  if not _GRADIENT.value:
    return ways
  total = lambda attend: lambda *inputs: attend(*inputs)[0].sum()
  return {
    name: jax.grad(total(attend), argnums=(0, 1, 2))
    for name, attend in ways.items()
  }


def _inputs(size):
  """Returns queries, keys, values and sources, a box as hole."""
  import jax
  import numpy as np

  side = size // 8
  random = np.random.default_rng(0)
  features = random.normal(size=(1, 2 * side, 2 * side, _CHANNELS))
  features = np.maximum(features, 0).astype(np.float32)  # as pmconv6 gives them
  is_source = np.ones((side, side), np.float32)
  hole = slice(side // 4, side // 2)
  is_source[hole, hole] = 0
  small = features[:, ::2, ::2]
  return jax.device_put((small, small, features, is_source.reshape(1, -1)))


if __name__ == "__main__":
  command.run(main)
