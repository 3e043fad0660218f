"""Contextual attention with all scores of a picture at once.

What `contextual_attention` computes is written down here; `chunked_attention`
computes the same in bounded memory. No patch of features is ever built: pixels
are compared with pixels, and the products of two patches are a sum of those.
That is a fifth of the multiplications.

Where cores share the rows of a picture (see `shared_rows`), each compares its
own r rows of the queries with all h rows of the keys, and gets a row from each
of its neighbours before a sum.
"""

import contextlib
import contextvars
import functools
import math

import jax
import jax.numpy as jnp
from jax import lax

from gatedinpaint_jax.layers import pair_sums, shared_rows, value_squares

_KEY_NORM_FLOOR = 1e-4

_compares_patches = contextvars.ContextVar("compares_patches", default=False)


@contextlib.contextmanager
def comparing_patches():
  """Lets what is traced inside compare whole patches, not pixels.

  That is nine times the multiplications and no sums of them, for what
  multiplies much faster than it adds.
  """
  token = _compares_patches.set(True)
  try:
    yield
  finally:
    _compares_patches.reset(token)


def attend(queries, keys, values, is_source, *, fuse, softmax_scale):
  """Rebuilds pictures of patches of `values`.

  Args:
    queries: `[B, h, w, C]`, compared by their 3 x 3 patches ...
    keys: `[B, h, w, C]` ... with those of `keys`.
    values: `[B, 2 h, 2 w, C]`, of which 4 x 4 patches are copied.
    is_source: `[B, P] float32`, P = h * w places in row-major order; 0 where
      nothing may be copied from, else 1.
    fuse: as of `contextual_attention`.
    softmax_scale: as of `contextual_attention`.

  Returns:
    The rebuilt features `[B, 2 h, 2 w, C] float32` and the strongest source of
    each place `[B, P] int32`, the first one among equals, 0 if there is none.
  """
  is_shared = shared_rows.can_take(queries, (1, 1))

  def attend_own(queries, keys, values, is_source):
    weights = attention(
      queries,
      keys,
      is_source,
      fuse=fuse,
      softmax_scale=softmax_scale,
      is_shared=is_shared,
    )
    return _paste(weights, values, is_shared), _strongest(weights)

  if is_shared:
    attend_own = functools.partial(shared_rows.do_own, attend_own)
  return attend_own(queries, keys, values, is_source)


def attention(
  queries, keys, is_source, *, fuse, softmax_scale, is_shared=False
):
  """Returns `[B, p, P] float32`, of each query to all; sums to 1 at most.

  Args:
    queries: `[B, r, w, C]`, p = r * w places, all or those of a device.
    keys: as of `attend`.
    is_source: as of `attend`.
    fuse: as of `attend`.
    softmax_scale: as of `attend`.
    is_shared: whether other devices have the rows above and below.
  """
  scores = _match(queries, keys, is_shared)
  if fuse:
    scores = _fuse(scores, is_shared)
  batch, rows, columns = scores.shape[:3]
  scores = scores.reshape(batch, rows * columns, -1)
  # As released: places in the hole keep a score of 0 and take part in the
  # softmax, and only what they win is discarded.
  is_source = is_source[:, None, :]
  return jax.nn.softmax(softmax_scale * scores * is_source) * is_source


def _strongest(weights):
  """Returns `[B, P] int32`, which weight is the greatest, the first if several.

  0 if one is not a number. As a minimum of floats, which XLA vectorises on
  CPUs, unlike an argmax.
  """
  best = jnp.max(weights, axis=-1, keepdims=True)
  places = jnp.arange(weights.shape[-1], dtype=jnp.float32)
  source = jnp.min(jnp.where(weights == best, places, jnp.inf), axis=-1)
  return jnp.where(source < jnp.inf, source, 0).astype(jnp.int32)


def _match(queries, keys, is_shared):
  """Returns `[B, r, w, h, w] float32`, patches of queries times unit keys."""
  lengths = _key_lengths(keys).reshape(keys.shape[:3])
  # The zeros around take part, so that no product has to be padded.
  queries, keys = _frame(queries, is_shared), _frame(keys)
  if _compares_patches.get():
    products = _multiply(_taps(queries), _taps(keys))
  else:
    products = _multiply(queries, keys)
    products = pair_sums.sum_pairs(products, (1, 3), 3, (0, 0))
    products = pair_sums.sum_pairs(products, (2, 4), 3, (0, 0))
  return products / lengths[:, None, None]


def _multiply(queries, keys):
  """Returns `[B, r, w, h, w] float32`, the products of each with each."""
  batch, *places, channels = queries.shape
  products = jnp.einsum(
    "bqc,bpc->bqp",
    queries.reshape(batch, math.prod(places), channels),
    keys.reshape(batch, math.prod(keys.shape[1:3]), channels),
    preferred_element_type=jnp.float32,
  )
  return products.reshape(batch, *places, *keys.shape[1:3])


def _sum_pairs(matrix, axes, count, is_shared):
  """Returns the sums of pairs with a border of 1.

  The first of the axes, of the queries, is axis 1; its border is what other
  devices have, if there are any.
  """
  if not is_shared:
    return pair_sums.sum_pairs(matrix, axes, count, (1, 1))
  above = shared_rows.from_above(matrix[:, -1:])
  below = shared_rows.from_below(matrix[:, :1])
  matrix = jnp.concatenate([above, matrix, below], axis=1)
  return pair_sums.sum_pairs(matrix, axes, count, (0, 1))


def patches(x):
  """Returns the 3 x 3 patches `[B, P, 9 C]` around places, row-major."""
  batch, rows, columns, channels = x.shape
  return _taps(_frame(x)).reshape(batch, rows * columns, 9 * channels)


def _frame(x, is_shared=False):
  """Returns `[B, h + 2, w + 2, C]`: zeros around, or rows of other devices."""
  if not is_shared:
    return jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
  above = shared_rows.from_above(x[:, -1:])
  below = shared_rows.from_below(x[:, :1])
  x = jnp.concatenate([above, x, below], axis=1)
  return jnp.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0)))


def _taps(x):
  """Returns the 3 x 3 patches `[B, h, w, 9 C]` of `[B, h + 2, w + 2, C]`."""
  batch, rows, columns, channels = x.shape
  # As x[:, i : i + rows - 2, ...], which symbolic sizes make a gather.
  taps = [
    lax.slice(x, (0, i, j, 0), (batch, i + rows - 2, j + columns - 2, channels))
    for i in range(3)
    for j in range(3)
  ]
  return jnp.concatenate(taps, axis=-1)


def _key_lengths(keys):
  """Returns `[B, P] float32`, how long the 3 x 3 patches of keys are.

  Only what is copied from is normalised: scores grow with the queries.
  """
  square = jnp.sum(jnp.square(keys.astype(jnp.float32)), -1, keepdims=True)
  return length(jnp.sum(patches(square), axis=-1))


def length(square):
  """Returns the root of squared lengths of patches, 1e-4 at least."""
  # max before the root: the gradient of the root is infinite at 0.
  return jnp.sqrt(jnp.maximum(square, _KEY_NORM_FLOOR**2))


def _fuse(scores, is_shared):
  """Adds to each score those of the neighbouring pairs, along rows and columns.

  Neighbours are neighbours in the flat index: the end of a row is next to the
  beginning of the row below, and below the bottom of a column is the top of the
  next one, as in the released program.
  """
  shape = scores.shape
  batch, rows, columns, all_rows, _ = shape
  scores = scores.reshape(batch, rows * columns, all_rows * columns)
  scores = _sum_pairs(scores, (1, 2), 3, is_shared).reshape(shape)
  scores = _continue_columns(scores, 3, 4, is_shared=False)
  scores = _continue_columns(scores, 1, 2, is_shared=is_shared)
  return pair_sums.sum_pairs(scores, (1, 3), 3, (0, 0))


def _continue_columns(x, rows, columns, *, is_shared):
  """Returns `x` with a row more above and below along the axis of rows.

  Above the first row is the last one moved by a column to the right, below the
  last row the first one moved to the left.
  """
  take = functools.partial(lax.slice_in_dim, x, axis=rows)
  above, below = take(x.shape[rows] - 1, x.shape[rows]), take(0, 1)
  if is_shared:
    above = shared_rows.from_above(above, in_a_ring=True)
    below = shared_rows.from_below(below, in_a_ring=True)
    above = jnp.where(shared_rows.is_first(), _move(above, columns, 1), above)
    below = jnp.where(shared_rows.is_last(), _move(below, columns, -1), below)
  else:
    above, below = _move(above, columns, 1), _move(below, columns, -1)
  return lax.concatenate([above, x, below], rows)


def _move(x, axis, by):
  """Returns `x` moved along an axis by 1 or -1, with zeros behind."""
  size = x.shape[axis]
  behind = jnp.zeros_like(lax.slice_in_dim(x, 0, 1, axis=axis))
  if by > 0:
    parts = [behind, lax.slice_in_dim(x, 0, size - 1, axis=axis)]
  else:
    parts = [lax.slice_in_dim(x, 1, size, axis=axis), behind]
  return lax.concatenate(parts, axis)


def _paste(weights, values, is_shared):
  """Returns the mean `[B, 2 r, 2 w, C] float32` of weighted 4 x 4 patches.

  They are laid at stride 2. Four meet at every pixel of the inside; at the
  border fewer do, and the sum is divided by four all the same, as in the
  released program.
  """
  batch, height, width, _ = values.shape
  rows, columns = height // 2, width // 2
  weights = weights.reshape(batch, -1, columns, rows, columns)
  # Of patches that overlap, four bring the same square to the same square.
  weights = _sum_pairs(weights, (1, 3), 2, is_shared)
  weights = pair_sums.sum_pairs(weights, (2, 4), 2, (1, 1))
  _, rows, columns, *all_places = weights.shape
  squares = jax.vmap(value_squares.from_features)(values)
  copied = jnp.einsum(
    "bqp,bpk->bqk",
    weights.astype(values.dtype).reshape(
      batch, rows * columns, math.prod(all_places)
    ),
    squares.reshape(batch, math.prod(all_places), -1),
    preferred_element_type=jnp.float32,
  )
  copied = copied.reshape(batch, rows, columns, -1)
  return jax.vmap(value_squares.to_features)(copied) / 4
