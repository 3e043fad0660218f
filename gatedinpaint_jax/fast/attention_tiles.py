"""The tiles of `chunked_attention`: scores between two blocks of places.

A block is R full rows of the h rows and w columns of places. Axes of a tile
are (row, column) of the queries, then of the keys.

The fuse adds the neighbours of a pair, which may lie far away. Number the
places from 0 in row-major order, and let `scores[i, j]` be 0 where i or j does
not exist. The next place in a row has the next number, so the first half of the
fuse is

  along_rows[i, j] = scores[i-1, j-1] + scores[i, j] + scores[i+1, j+1]

The second half does the same in column-major order, where the bottom of a
column is followed by the top of the next one. So below row h-1 there is a row
h, and above row 0 a row -1: the rows at the opposite end, moved by one column.
Each row is a range of numbers,

  row r begins at   r w           for r = 0 ... h-1
                    1             for r = h
                    (h-1) w - 1   for r = -1

and below column c of row r is always column c of row r+1. Only the last place
of row h and the first one of row -1 do not exist. So a block gets one more row
above and below, each row one more place at both ends, and the fuse is two
additions of shifted slices of a tile.

Source: the softmax is that of Dao et al. 2022 (FlashAttention), section 3.1.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gatedinpaint_jax.fast import pair_sums
from gatedinpaint_jax.layers import patches

# Axes of a tile, of the queries and of the keys.
_ROWS = (0, 2)
_COLUMNS = (1, 3)


class Blocks(NamedTuple):
  """Indices of N blocks, the same for all pictures.

  The functions below take a single block, without the leading axis. The last
  blocks are padded with rows that do not exist.
  """

  # `[N, R + 2, w + 2, 9] int32`, the 3 x 3 patches of the features as indices
  # into the flat picture, past its end for a pixel that does not exist.
  pixels: np.ndarray
  # `[N, R + 2, w] bool`, false for places of rows -1 and h that do not exist.
  is_in_column: np.ndarray
  row: np.ndarray  # `[N] int32`, the first row
  place: np.ndarray  # `[N, R, w] int32`, numbers of the places
  exists: np.ndarray  # `[N, R, w] bool`, false for padding rows


def rows_of_block(rows, columns, tile_bytes, *, devices=1):
  """Returns R, at least 1, so that tiles take at most `tile_bytes`.

  That counts the float32 scores, those for the fuse included. Of all such
  sizes, it is the one with the fewest rows to compute, including those for the
  fuse and the padding, if the devices share the blocks equally.
  """
  most = int((tile_bytes / 4) ** 0.5) // (columns + 2) - 2
  return min(
    range(1, min(max(most, 1), -(-rows // devices)) + 1),
    key=lambda size: _count_blocks(rows, size, devices) * (size + 2),
  )


def cut(rows, columns, size, *, devices=1):
  """Returns the `Blocks` of `size` rows each, equally many per device."""
  count = _count_blocks(rows, size, devices)
  begin = np.arange(-1, count * size + 1) * columns
  begin[0], begin[rows + 1] = (rows - 1) * columns - 1, 1
  begin[rows + 2 :] = rows * columns + 1  # nowhere
  place = begin[:, None] + np.arange(-1, columns + 1)
  is_in_column = np.ones((len(begin), columns), bool)
  is_in_column[0, 0] = is_in_column[rows + 1, -1] = False
  # Each block with the row above it and the row below it.
  windows = size * np.arange(count)[:, None] + np.arange(size + 2)
  own = np.arange(count * size * columns).reshape(count, size, columns)
  return Blocks(
    pixels=_pixels(place, rows, columns)[windows],
    is_in_column=is_in_column[windows],
    row=size * np.arange(count, dtype=np.int32),
    place=own.astype(np.int32),
    exists=own < rows * columns,
  )


def _count_blocks(rows, size, devices):
  return -(-rows // (size * devices)) * devices


def _pixels(place, rows, columns):
  """Returns the flat indices `[..., 9]` of the 3 x 3 pixels around places."""
  reach = np.arange(-1, 2)
  row = (place // columns)[..., None, None] + reach[:, None]
  column = (place % columns)[..., None, None] + reach
  exists = ((place >= 0) & (place < rows * columns))[..., None, None]
  inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
  pixels = np.where(exists & inside, row * columns + column, rows * columns)
  return pixels.reshape(*place.shape, 9).astype(np.int32)


def match(block, key_block, queries, keys, *, dtype):
  """Returns the scores `[R + 2, w + 2, R + 2, w + 2] float32` before the fuse.

  Takes two `Blocks` and features `[P, C]`. Products of patches of queries and
  unit keys are computed in `dtype`, their sums in float32.
  """
  keys = _gather(keys, key_block.pixels, dtype)
  square = jnp.sum(jnp.square(keys.astype(jnp.float32)), -1, keepdims=True)
  return jnp.einsum(
    "rck,stk->rcst",
    _gather(queries, block.pixels, dtype),
    (keys / patches.norm(square)).astype(dtype),
    preferred_element_type=jnp.float32,
  )


def _gather(features, pixels, dtype):
  """Returns the patches of those pixels, 0 where they do not exist."""
  x = features.at[pixels].get(mode="fill", fill_value=0)
  return x.reshape(*pixels.shape[:-1], -1).astype(dtype)


def fuse(block, key_block, scores):
  """Returns the fused scores `[R, w, R, w]`."""
  scores = pair_sums.sum_pairs(scores, _COLUMNS, 3, 0)
  # Whether both places exist.
  scores *= (
    block.is_in_column[..., None, None] & key_block.is_in_column[None, None]
  )
  return pair_sums.sum_pairs(scores, _ROWS, 3, 0)


class Softmax(NamedTuple):
  """A softmax over the keys seen so far, for each query of a block.

  The axes of the keys are kept, `[R, w, 1, 1]`, but for `copied`. The weight of
  a key is exp(logit - highest).
  """

  highest: jax.Array  # the largest logit
  total: jax.Array  # sum of all weights
  copied: jax.Array  # `[R, w, K]`, weighted sum of the patches of the sources
  best: jax.Array  # the largest weight of a source
  source: jax.Array  # the place of that source, the first one among equals


def begin_softmax(shape, channels) -> Softmax:
  """Returns the softmax of queries `[R, w]` over no keys; see `Softmax`."""
  zeros = jnp.zeros((*shape, 1, 1))
  return Softmax(
    highest=zeros - jnp.inf,
    total=zeros,
    copied=jnp.zeros((*shape, channels)),
    best=zeros,
    source=zeros.astype(jnp.int32),
  )


def add_to_softmax(state, logits, place, is_source, copied) -> Softmax:
  """Returns the softmax over the keys of one more block.

  Args:
    state: of the keys before.
    logits: `[R, w, R', w]`, -inf for missing keys. At least one key must have
      been seen after this block.
    place: `[R', w] int32`, numbers of the keys, above those of earlier blocks.
    is_source: `[R', w] float32`, 1 where the key may be copied, else 0.
    copied: `[R', w, K]`, patches; products are computed in their dtype.
  """
  over_keys = {"axis": (-2, -1), "keepdims": True}
  highest = jnp.maximum(state.highest, jnp.max(logits, **over_keys))
  shrink = jnp.exp(state.highest - highest)
  weights = jnp.exp(logits - highest)
  taken = weights * is_source[None, None]
  copied = jnp.einsum(
    "rcst,stk->rck",
    taken.astype(copied.dtype),
    copied,
    preferred_element_type=jnp.float32,
  )
  best = jnp.max(taken, **over_keys)
  # The argmax, as a minimum of floats, which XLA:CPU vectorizes.
  places = jnp.where(taken == best, place[None, None], jnp.inf)
  source = jnp.min(places, **over_keys).astype(jnp.int32)
  is_better = best > state.best * shrink
  return Softmax(
    highest=highest,
    total=state.total * shrink + jnp.sum(weights, **over_keys),
    copied=state.copied * shrink[..., 0] + copied,
    best=jnp.where(is_better, best, state.best * shrink),
    source=jnp.where(is_better, source, state.source),
  )


def paste_vjp(attention, squares, d_pasted):
  """Returns the gradients of a tile's attention and of its keys' squares.

  Four pairs of places copy the same square to the same square. Adding them up
  before the product, which a running softmax cannot, saves three quarters of
  the multiplications. Squares are `[R + 1, w + 1, 4 C]`; see `layers.patches`.
  """
  d_attention = _meet(jnp.einsum("rck,stk->rcst", d_pasted, squares), border=0)
  attention = _meet(attention, border=1)
  return d_attention, jnp.einsum("rcst,rck->stk", attention, d_pasted)


def _meet(pairs, *, border):
  """Returns the sums over the four pairs at the corners of a pair."""
  pairs = pair_sums.sum_pairs(pairs, _COLUMNS, 2, border)
  return pair_sums.sum_pairs(pairs, _ROWS, 2, border)
