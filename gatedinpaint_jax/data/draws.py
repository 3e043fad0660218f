"""Random numbers behind one interface, whichever library draws them.

What holes, crops and sketches look like is written once, in `hole_shapes.py`
and `recipe.py`, as formulas over such numbers.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, Protocol

import numpy as np


class Draws(Protocol):
  """The random numbers of one example; in TensorFlow also those of a batch.

  Attributes:
    xp: the library whose arrays the numbers are, `numpy` or `tensorflow`.
  """

  xp: ModuleType

  def uniform(self, count: Any = None) -> Any:
    """Returns `count` numbers in [0, 1), a single one by default."""

  def normal(self, count: Any) -> Any:
    """Returns `count` numbers of the standard normal distribution."""

  def integers(self, low: int, high: int | Sequence[int]) -> Any:
    """Returns an integer from `low` to `high`, inclusive, for each `high`."""


class NumpyDraws:
  """Numbers in the order in which a NumPy generator gives them."""

  xp = np

  def __init__(self, generator: np.random.Generator):
    self._generator = generator

  def uniform(self, count=None):
    """See `Draws`."""
    return self._generator.random(count)

  def normal(self, count):
    """See `Draws`."""
    return self._generator.standard_normal(count)

  def integers(self, low, high):
    """See `Draws`."""
    return self._generator.integers(low, high, endpoint=True)
