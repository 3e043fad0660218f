"""Pictures whose rows are shared by the cores of a processor.

Under a mesh whose axis `rows` is longer than 1 (`jax.set_mesh`), each device
does its own rows, after it got those around them from its neighbours. XLA does
the same for its own convolution, but would give every device all rows for other
ways to convolve. Accelerators do without these, and there it is left to XLA. So
is what is no convolution; of the attention at once every device does all.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import PartitionSpec as P

_ROWS = P("data", "rows")


def devices() -> int:
  """Returns how many share the rows."""
  return jax.sharding.get_abstract_mesh().shape.get("rows", 1)


def can_take(x, around: tuple[int, int]) -> bool:
  """Returns whether rows are shared and only neighbours must exchange some.

  Args:
    x: `[B, H, W, C]`.
    around: rows above and below that an output depends on.
  """
  rows = x.shape[1] / devices()
  return (
    devices() > 1
    and jax.default_backend() == "cpu"
    and rows % 2 == 0  # for strides
    and rows >= max(around)
  )


def do_own(function: Callable, x, kernel, *, around: tuple[int, int]):
  """Returns `function(x, kernel)` done by each device for its own rows.

  Args:
    function: takes rows `[B, above + H + below, W, I]` and `kernel`, returns
      those that stand for the H rows of the device.
    x: `[B, H, W, I]`, what `can_take` says.
    kernel: the same for all.
    around: (above, below), how many rows of its neighbours a device gets;
      zeros above the first row and below the last.
  """

  def do_one(x, kernel):
    return function(_with_rows_around(x, *around), kernel)

  return jax.shard_map(
    do_one, in_specs=(_ROWS, P()), out_specs=_ROWS, check_vma=False
  )(x, kernel)


def _with_rows_around(x, above, below):
  last = devices() - 1
  parts = [x]
  if above:
    down = [(i, i + 1) for i in range(last)]
    parts.insert(0, lax.ppermute(x[:, -above:], "rows", down))
  if below:
    up = [(i + 1, i) for i in range(last)]
    parts.append(lax.ppermute(x[:, :below], "rows", up))
  return jnp.concatenate(parts, axis=1)
