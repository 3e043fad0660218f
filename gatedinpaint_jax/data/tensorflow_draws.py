"""TensorFlow's stateless Philox: the numbers follow from the seed alone.

A seed is `[2]` integers.
"""

import functools

import tensorflow as tf

fold_in = functools.partial(
  tf.random.experimental.stateless_fold_in, alg="philox"
)
uniform = functools.partial(tf.random.stateless_uniform, alg="philox")
normal = functools.partial(tf.random.stateless_normal, alg="philox")


class Draws:
  """Stands in for `numpy.random.Generator` with numbers drawn before.

  Gives them in the order in which a formula asks for them.
  Starting an operation costs more than the numbers, so a few operations draw
  all of a mask's numbers, and the formulas run on a batch of masks.
  """

  def __init__(self, *numbers: tf.Tensor):
    """Takes uniform numbers in [0, 1) and normal ones, one tensor a call."""
    self._numbers = iter(numbers)

  def random(self, size=None) -> tf.Tensor:
    """Returns the next tensor; `size` is at most what it holds."""
    return next(self._numbers)

  standard_normal = random

  def integers(self, low, high, endpoint: bool) -> tf.Tensor:
    """Returns integers from `low` to `high`, as float64."""
    assert endpoint
    uniform = tf.cast(next(self._numbers), tf.float64)
    # float64, since float32 does not hold all products exactly.
    return low + tf.floor(uniform * (tf.cast(high, tf.float64) - low + 1))
