"""Pictures whose rows are shared by the cores of a processor.

Under a mesh whose axis `rows` is longer than 1 (`jax.set_mesh`), each device
does its own rows, after it got those around them from its neighbours. XLA does
the same for its own convolution, but would give every device all rows for other
ways to convolve and for the attention at once. Accelerators do without these
ways, and there it is left to XLA.
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


def can_take(x, around: tuple[int, int], *, stride: int = 1) -> bool:
  """Returns whether rows, and nothing else, are shared as `do_own` needs it.

  Args:
    x: `[B, H, W, C]`.
    around: rows above and below that an output depends on, no more than those
      of a neighbour.
    stride: every how many rows there is an output.
  """
  rows = x.shape[1] / devices()
  return (
    devices() > 1
    and jax.sharding.get_abstract_mesh().shape.get("data", 1) == 1
    and jax.default_backend() == "cpu"
    and rows % stride == 0
    and rows >= max(around)
  )


def do_own(function: Callable, x, *rest, around: tuple[int, int] = (0, 0)):
  """Returns what `function` returns, done by each device for its own rows.

  Args:
    function: takes rows `[B, above + H + below, W, I]` and `rest`, returns a
      tree of arrays whose second axis stands for the H rows of the device.
    x: `[B, H, W, I]`, what `can_take` says.
    *rest: arrays, the same for all.
    around: (above, below), how many rows of its neighbours a device gets;
      zeros above the first row and below the last.
  """

  def do_one(x, *rest):
    above, below = around
    parts = [x]
    if above:
      parts.insert(0, from_above(x[:, -above:]))
    if below:
      parts.append(from_below(x[:, :below]))
    return function(jnp.concatenate(parts, axis=1), *rest)

  specs = (_ROWS, *[P()] * len(rest))
  return jax.shard_map(
    do_one, in_specs=specs, out_specs=_ROWS, check_vma=False
  )(x, *rest)


def from_above(rows, *, in_a_ring: bool = False):
  """Returns the `rows` of the device above, to be called within `do_own`.

  Args:
    rows: array of any shape.
    in_a_ring: whether the last device is above the first, which else gets
      zeros.
  """
  return _pass_on(rows, 1, in_a_ring)


def from_below(rows, *, in_a_ring: bool = False):
  """Returns the `rows` of the device below, as `from_above` does."""
  return _pass_on(rows, -1, in_a_ring)


def is_first():
  """Returns whether a device has the first row, within `do_own`."""
  return lax.axis_index("rows") == 0


def is_last():
  """Returns whether a device has the last row, within `do_own`."""
  return lax.axis_index("rows") == devices() - 1


def _pass_on(rows, by, in_a_ring):
  count = devices()
  ways = [(i, (i + by) % count) for i in range(count)]
  if not in_a_ring:
    ways = [(i, j) for i, j in ways if j == i + by]
  return lax.ppermute(rows, "rows", ways)
