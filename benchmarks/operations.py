"""How many multiplications a picture takes, by its size.

  python benchmarks/operations.py [--sizes=256,512,1024,2048]

Counts multiply-adds of the generator at full width (`multiply_adds.py`). Prints
one JSON line; for each size, in 10^9: `convolutions`; `attention`, every place
with every other; and `training`, all of a picture in a training step.
"""

import command
import jax
import machine
import multiply_adds

_SIZES = command.sides("sizes", [256, 512, 1024, 2048], "Sides in pixels.")


def main(_):
  """Counts and prints one JSON line."""
  jax.config.update("jax_platforms", "cpu")
  sizes = {size: _count_for(size) for size in _SIZES.value}
  machine.report("operations", {"sizes": sizes}, ["jax", "jaxlib"])


def _count_for(size) -> dict:
  count = multiply_adds.of_generator(size)._asdict() | {
    "training": multiply_adds.of_training_step(size),
  }
  return {name: round(value / 1e9, 1) for name, value in count.items()}


if __name__ == "__main__":
  command.run(main)
