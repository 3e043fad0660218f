"""How a picture becomes an example: crop, flip, hole, sketch.

Described once for both routes to a batch: `pipeline.py` reads files and
computes in TensorFlow, `arrays.py` has decoded pictures and computes in NumPy.
Everything random follows from `Recipe.seed` and the example's number; `draws`
are as in `hole_shapes.py`.
"""

import dataclasses
from typing import Any

from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import hole_shapes

RESIZES = ("enlarge", "short_side", "stretch")
SKETCHES = ("files", "edges")


@dataclasses.dataclass(frozen=True)
class Framing:
  """How a photo is brought to `size`, the (height, width) of the batch.

  `configs/places2.py` describes the attributes, keys of `config.data`.
  """

  size: tuple[int, int]
  resize: str = "enlarge"
  antialias: bool = False
  random_crop: bool = True
  flip: bool = False

  def draw_corner(self, draws: Any, room: Any) -> Any:
    """Returns the crop's (top, left), each at most the picture's `room`."""
    return (
      draws.integers(0, room, endpoint=True) if self.random_crop else room // 2
    )

  def draw_flip(self, draws: Any) -> Any:
    """Returns whether to mirror the picture left to right."""
    return self.flip and draws.random() < 0.5


@dataclasses.dataclass(frozen=True)
class Sketching:
  """Where a guided model's lines come from: keys of `config.data`, likewise."""

  kind: str
  threshold: float = 0.6
  drop_probability: float = 0.0

  def draw_lines(self, draws: Any, strength: Any) -> Any:
    """Returns which pixels are lines, as bool; none if the sketch is dropped.

    Those whose `strength`, in [0, 1], of sketch files or of edges, is strictly
    above the threshold.
    """
    is_kept = draws.random() >= self.drop_probability
    return (strength > self.threshold) & is_kept


@dataclasses.dataclass(frozen=True)
class Recipe:
  """Everything that happens to a picture; `sketching` is None if unguided."""

  seed: int
  framing: Framing
  holes: hole_shapes.Holes
  sketching: Sketching | None = None
  values: values_lib.Values = values_lib.PHOTOGRAPHS

  @property
  def has_sketch_files(self) -> bool:
    """Whether sketches are read from files or arrays, one for each photo."""
    return self.sketching is not None and self.sketching.kind == "files"


@dataclasses.dataclass(frozen=True)
class Rows:
  """Which examples of the stream are one process's rows of each batch.

  Global batch b holds the B examples from `first_example + b * B` on; process p
  of n has its rows `[p * B / n, (p + 1) * B / n)`.
  """

  batch_size: int
  first_example: int = 0
  process_index: int = 0
  process_count: int = 1

  @property
  def local_batch_size(self) -> int:
    """How many rows of each global batch this process makes."""
    return self.batch_size // self.process_count

  def example(self, position):
    """Returns the number of this process's example at `position`, from 0."""
    batch = position // self.local_batch_size
    row = position % self.local_batch_size
    row += self.process_index * self.local_batch_size
    return self.first_example + batch * self.batch_size + row
