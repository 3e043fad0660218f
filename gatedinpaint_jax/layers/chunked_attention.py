"""Contextual attention in bounded memory, equal to `plain_attention`.

The places of a picture are cut into blocks of whole rows. The scores of a block
of queries and a block of keys are a tile, see `attention_tiles`. A tile is used
and forgotten: the softmax is carried on from tile to tile, and the backward
pass computes the tiles once more. No array grows with the square of the number
of places.

Source: the softmax over blocks and its gradient are those of Dao et al. 2022
(FlashAttention), section 3.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gatedinpaint_jax.layers import attention_tiles, value_squares

# Of the scores of one tile of one picture. About three arrays of this size are
# alive at a time, six in the backward pass.
_TILE_BYTES = 2**25


class _Settings(NamedTuple):
  fuse: bool
  softmax_scale: float
  dtype: jnp.dtype


class _Inputs(NamedTuple):
  """What a picture is made of; float32, that gradients add up without rounding.

  Attributes:
    queries: `[P, C]`.
    keys: `[P, C]`.
    squares: of the values, `[N R + 1, w + 1, 4 C]`; see `value_squares`.
    is_source: `[N, R, w]`.
    blocks: `attention_tiles.Blocks`.
  """

  queries: jax.Array
  keys: jax.Array
  squares: jax.Array
  is_source: jax.Array
  blocks: attention_tiles.Blocks


class _Softmax(NamedTuple):
  """A softmax over the keys seen so far, for each query of a block.

  The axes of the keys are kept, `[R, w, 1, 1]`, but for `copied`.

  Attributes:
    highest: the largest logit.
    total: sum of all exp(logit - highest).
    copied: `[R, w, 16 C]`, sum of the patches of the sources, each times its
      exp(logit - highest).
    best: the largest exp(logit - highest) of a source.
    source: the place of that source, the first one among equals.
  """

  highest: jax.Array
  total: jax.Array
  copied: jax.Array
  best: jax.Array
  source: jax.Array


def attend(
  queries,
  keys,
  values,
  is_source,
  *,
  fuse,
  softmax_scale,
  tile_bytes=_TILE_BYTES,
):
  """Does what `plain_attention.attend` does, with the same arguments.

  Args:
    queries: as there.
    keys: as there.
    values: as there.
    is_source: as there.
    fuse: as there.
    softmax_scale: as there.
    tile_bytes: bound on the scores of a tile of one picture; a tile has at
      least one row of queries and one of keys all the same.

  Returns:
    What it returns.
  """
  _, rows, columns, _ = queries.shape
  size = attention_tiles.rows_of_block(rows, columns, tile_bytes)
  # Hidden from XLA, which would spend seconds on computing with constants.
  blocks = jax.lax.optimization_barrier(
    attention_tiles.cut(rows, columns, size)
  )
  settings = _Settings(fuse, softmax_scale, queries.dtype)
  return jax.vmap(functools.partial(_attend_picture, settings, blocks))(
    queries, keys, values, is_source
  )


def _attend_picture(settings, blocks, queries, keys, values, is_source):
  """Does what `attend` does for one picture, without the axis B."""
  rows, columns, channels = keys.shape
  count, size, _ = blocks.place.shape
  fill_up = ((0, count * size - rows), (0, 0))
  is_source = jnp.pad(is_source.reshape(rows, columns), fill_up)
  squares = value_squares.from_features(values.astype(jnp.float32))
  pasted, source = _paste(
    settings,
    _Inputs(
      queries=queries.reshape(-1, channels).astype(jnp.float32),
      keys=keys.reshape(-1, channels).astype(jnp.float32),
      squares=jnp.pad(squares, (*fill_up, (0, 0))),
      is_source=is_source.reshape(blocks.place.shape),
      blocks=blocks,
    ),
  )
  # Four patches meet at a pixel; see plain_attention.
  features = value_squares.to_features(pasted[: rows + 1]) / 4
  return features, source.reshape(-1)[: rows * columns]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _paste(settings, inputs):
  """Returns the sums of copied patches as squares, and the sources."""
  answer, _ = _forward(settings, inputs)
  return answer


def _forward(settings, inputs):
  """Goes over all queries; keeps of each softmax what the way back needs."""

  def paste(pasted, block):
    softmax = _softmax(settings, inputs, block)
    # Queries that do not exist copy nothing.
    exists = block.exists[..., None, None]
    total = jnp.where(exists, softmax.total, jnp.inf)
    copied = softmax.copied / total[..., 0]
    # What is 0 as attention is no source, even if it is the best.
    source = jnp.where(softmax.best / total > 0, softmax.source, 0)
    pasted = _add_rows(pasted, block, value_squares.overlap(copied))
    return pasted, (source, (copied, softmax.highest, total))

  pasted = jnp.zeros_like(inputs.squares)
  pasted, (source, kept) = jax.lax.scan(paste, pasted, inputs.blocks)
  return (pasted, source), (inputs, kept)


def _softmax(settings, inputs, block):
  """Returns the `_Softmax` of a block of queries over all keys."""

  def go_on(state, scanned):
    key_block, is_source = scanned
    scores = attention_tiles.match(
      block, key_block, inputs.queries, inputs.keys, dtype=settings.dtype
    )
    logits = _logits(settings, block, key_block, is_source, scores)
    patches = value_squares.patches(_rows(inputs.squares, key_block))
    patches = patches.astype(settings.dtype)
    return _go_on(state, logits, key_block.place, is_source, patches), None

  zeros = jnp.zeros((*block.place.shape, 1, 1))
  state = _Softmax(
    highest=zeros - jnp.inf,
    total=zeros,
    copied=jnp.zeros((*block.place.shape, 4 * inputs.squares.shape[-1])),
    best=zeros,
    source=zeros.astype(jnp.int32),
  )
  keys = (inputs.blocks, inputs.is_source)
  state, _ = jax.lax.scan(go_on, state, keys)
  return state


def _go_on(state, logits, place, is_source, patches):
  """Returns the softmax `state` after the keys of one more block."""
  over_keys = {"axis": (-2, -1), "keepdims": True}
  highest = jnp.maximum(state.highest, jnp.max(logits, **over_keys))
  shrink = jnp.exp(state.highest - highest)
  weights = jnp.exp(logits - highest)
  taken = weights * is_source[None, None]
  copied = jnp.einsum(
    "rcst,stk->rck",
    taken.astype(patches.dtype),
    patches,
    preferred_element_type=jnp.float32,
  )
  best = jnp.max(taken, **over_keys)
  # An argmax as a minimum of floats, which XLA vectorises on CPUs.
  places = jnp.where(taken == best, place[None, None], jnp.inf)
  source = jnp.min(places, **over_keys).astype(jnp.int32)
  is_better = best > state.best * shrink
  return _Softmax(
    highest=highest,
    total=state.total * shrink + jnp.sum(weights, **over_keys),
    copied=state.copied * shrink[..., 0] + copied,
    best=jnp.where(is_better, best, state.best * shrink),
    source=jnp.where(is_better, source, state.source),
  )


def _backward(settings, residuals, cotangents):
  """Goes over all queries again, and for each block over all keys."""
  inputs, kept = residuals
  d_pasted, _ = cotangents

  def pull(gradients, scanned):
    block, kept = scanned
    d_rows = _rows(d_pasted, block)
    pull_tile = functools.partial(
      _pull_tile, settings, inputs, block, kept, d_rows
    )
    keys = (inputs.blocks, inputs.is_source)
    return jax.lax.scan(pull_tile, gradients, keys)

  gradients = jax.tree.map(jnp.zeros_like, inputs[:3])
  gradients, _ = jax.lax.scan(pull, gradients, (inputs.blocks, kept))
  return (_Inputs(*gradients, is_source=None, blocks=None),)


def _pull_tile(settings, inputs, block, kept, d_pasted, gradients, scanned):
  """Computes a tile again and adds its part to the gradients."""
  key_block, is_source = scanned
  copied, highest, total = kept
  match = functools.partial(
    attention_tiles.match, block, key_block, dtype=settings.dtype
  )
  scores, pull_match = jax.vjp(match, inputs.queries, inputs.keys)
  logits = _logits(settings, block, key_block, is_source, scores)
  attention = jnp.exp(logits - highest) / total
  d_taken, d_squares = attention_tiles.pull_paste(
    attention * is_source[None, None],
    _rows(inputs.squares, key_block),
    d_pasted,
  )
  mean = jnp.sum(value_squares.patches(d_pasted) * copied, axis=-1)
  d_logits = attention * (
    d_taken * is_source[None, None] - mean[..., None, None]
  )
  d_queries, d_keys = pull_match(
    _pull_logits(settings, block, key_block, is_source, d_logits)
  )
  queries, keys, squares = gradients
  squares = _add_rows(squares, key_block, d_squares)
  return (queries + d_queries, keys + d_keys, squares), None


_paste.defvjp(_forward, _backward)


def _logits(settings, block, key_block, is_source, scores):
  """Returns the logits `[R, w, R, w]` of a tile; -inf where there is no key."""
  if settings.fuse:
    scores = attention_tiles.fuse(block, key_block, scores)
  else:
    scores = attention_tiles.inside(scores)
  logits = settings.softmax_scale * scores * is_source[None, None]
  return jnp.where(key_block.exists[None, None], logits, -jnp.inf)


def _pull_logits(settings, block, key_block, is_source, d_logits):
  """Returns the gradient of the scores from that of the logits."""
  d_scores = settings.softmax_scale * d_logits * is_source[None, None]
  if settings.fuse:
    return attention_tiles.pull_fuse(block, key_block, d_scores)
  return attention_tiles.pull_inside(d_scores)


def _rows(squares, block):
  """Returns the squares `[R + 1, w + 1, 4 C]` of a block."""
  size = block.place.shape[0] + 1
  return jax.lax.dynamic_slice_in_dim(squares, block.row, size)


def _add_rows(squares, block, rows):
  """Returns `squares` with `rows` added to those of a block."""
  rows = _rows(squares, block) + rows
  return jax.lax.dynamic_update_slice_in_dim(squares, rows, block.row, axis=0)
