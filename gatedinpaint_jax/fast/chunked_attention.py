"""Contextual attention in bounded memory, for large pictures.

Equal to `layers.contextual_attention.attend`, but for the weights, which are
None.

The places of a picture are cut into blocks of rows. The scores of a block of
queries and a block of keys are a tile, see `attention_tiles`. No tile is kept:
the softmax is updated tile by tile, and the backward pass computes the tiles
again. No array grows with the square of the number of places.

Under a mesh whose axis `rows` is longer than 1 (`jax.set_mesh`), the blocks of
queries are spread over it, and each device has all keys.

Source: the softmax over blocks and its gradient are those of Dao et al. 2022
(FlashAttention), section 3.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P

from gatedinpaint_jax.fast import attention_tiles
from gatedinpaint_jax.layers import patches

# Size of the scores of one tile of one picture. About three arrays of this size
# are alive at a time, six in the backward pass.
_TILE_BYTES = 2**25


class _Settings(NamedTuple):
  fuse: bool
  softmax_scale: float
  dtype: jnp.dtype
  devices: int  # that share the queries


class _Inputs(NamedTuple):
  """A picture. In float32, so that gradients are summed in float32."""

  queries: jax.Array  # `[P, C]`
  keys: jax.Array  # `[P, C]`
  # Of the values, `[N R + 1, w + 1, 4 C]`; see `layers.patches`.
  squares: jax.Array
  is_source: jax.Array  # `[N, R, w]`
  blocks: attention_tiles.Blocks


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
  """Equals `layers.contextual_attention.attend`.

  `tile_bytes` bounds the scores of a tile of one picture; a tile has at least
  one row of queries and one of keys.
  """
  _, rows, columns, _ = queries.shape
  devices = jax.sharding.get_abstract_mesh().shape.get("rows", 1)
  size = attention_tiles.rows_of_block(
    rows, columns, tile_bytes, devices=devices
  )
  # Otherwise XLA spends seconds on constant folding.
  blocks = jax.lax.optimization_barrier(
    attention_tiles.cut(rows, columns, size, devices=devices)
  )
  settings = _Settings(fuse, softmax_scale, queries.dtype, devices)
  attend_picture = functools.partial(_attend_picture, settings, blocks)
  return *jax.vmap(attend_picture)(queries, keys, values, is_source), None


def _attend_picture(settings, blocks, queries, keys, values, is_source):
  """Returns what `attend` does for one picture, without the axis B."""
  rows, columns, channels = keys.shape
  count, size, _ = blocks.place.shape
  fill_up = ((0, count * size - rows), (0, 0))
  is_source = jnp.pad(is_source.reshape(rows, columns), fill_up)
  squares = patches.to_squares(values.astype(jnp.float32))
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
  # Four patches meet at a pixel; see `layers`.
  features = patches.from_squares(pasted[: rows + 1]) / 4
  return features, source.reshape(-1)[: rows * columns]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _paste(settings, inputs):
  """Returns the sums of copied patches as squares, and the sources."""
  answer, _ = _forward(settings, inputs)
  return answer


def _forward(settings, inputs):
  """Returns the output, and the residuals of the backward pass."""
  attend_blocks = functools.partial(_attend_blocks, settings)
  if settings.devices > 1:
    attend_blocks = jax.shard_map(
      attend_blocks,
      in_specs=(P(), P("rows")),
      out_specs=P("rows"),
      check_vma=False,
    )
  pasted, source, kept = attend_blocks(inputs, inputs.blocks)
  return (_join(pasted, settings.devices), source), (inputs, kept)


def _attend_blocks(settings, inputs, blocks):
  """Attends from the queries of consecutive blocks, on one device.

  Returns:
    The sums of copied patches as squares `[n R + 1, w + 1, 4 C]`, the sources
    `[n, R, w]`, and the residuals of each block for the backward pass.
  """
  above = blocks.row[0]

  def paste(pasted, block):
    softmax = _softmax(settings, inputs, block)
    # Queries of padding rows copy nothing.
    exists = block.exists[..., None, None]
    total = jnp.where(exists, softmax.total, jnp.inf)
    copied = softmax.copied / total[..., 0]
    # A weight that underflows to 0 is no source, even if it is the largest.
    source = jnp.where(softmax.best / total > 0, softmax.source, 0)
    own = block._replace(row=block.row - above)
    pasted = _add_rows(pasted, own, patches.add_corners(copied))
    return pasted, (source, (copied, softmax.highest, total))

  count, size, _ = blocks.place.shape
  pasted = jnp.zeros((count * size + 1, *inputs.squares.shape[1:]))
  pasted, (source, kept) = jax.lax.scan(paste, pasted, blocks)
  return pasted, source, kept


def _join(pasted, devices):
  """Adds the last row of a device's squares to the first one of the next."""
  if devices == 1:
    return pasted
  pasted = pasted.reshape(devices, -1, *pasted.shape[1:])
  pasted, last = pasted[:, :-1], pasted[:, -1]
  # Not `at[].add`, which would gather all rows on every device.
  above = jnp.pad(last[:-1], ((1, 0), (0, 0), (0, 0)))[:, None]
  is_first = (jnp.arange(pasted.shape[1]) == 0)[None, :, None, None]
  pasted += jnp.where(is_first, above, 0)
  pasted = pasted.reshape(-1, *last.shape[1:])
  return jnp.concatenate([pasted, last[-1:]])


def _softmax(settings, inputs, block):
  """Returns the `Softmax` of a block of queries over all keys."""

  def add_keys(state, scanned):
    key_block, is_source = scanned
    logits = _logits(
      settings, block, key_block, is_source, inputs.queries, inputs.keys
    )
    copied = patches.corners(_rows(inputs.squares, key_block))
    state = attention_tiles.add_to_softmax(
      state, logits, key_block.place, is_source, copied.astype(settings.dtype)
    )
    return state, None

  channels = 4 * inputs.squares.shape[-1]
  state = attention_tiles.begin_softmax(block.place.shape, channels)
  keys = (inputs.blocks, inputs.is_source)
  state, _ = jax.lax.scan(add_keys, state, keys)
  return state


def _backward(settings, residuals, cotangents):
  """Computes all tiles again and adds up their gradients."""
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
  logits, pull_logits = jax.vjp(
    functools.partial(_logits, settings, block, key_block, is_source),
    inputs.queries,
    inputs.keys,
  )
  attention = jnp.exp(logits - highest) / total
  d_taken, d_squares = attention_tiles.paste_vjp(
    attention * is_source[None, None],
    _rows(inputs.squares, key_block),
    d_pasted,
  )
  # Softmax: dS = A * (dA - rowsum(A * dA)). As the output is A V, the row sum
  # equals that of output * d_output, which needs no other tile.
  row_sum = jnp.sum(patches.corners(d_pasted) * copied, axis=-1)
  d_logits = attention * (
    d_taken * is_source[None, None] - row_sum[..., None, None]
  )
  d_queries, d_keys = pull_logits(d_logits)
  queries, keys, squares = gradients
  squares = _add_rows(squares, key_block, d_squares)
  return (queries + d_queries, keys + d_keys, squares), None


_paste.defvjp(_forward, _backward)


def _logits(settings, block, key_block, is_source, queries, keys):
  """Returns the logits `[R, w, R, w]` of a tile; -inf for missing keys."""
  scores = attention_tiles.match(
    block, key_block, queries, keys, dtype=settings.dtype
  )
  if settings.fuse:
    scores = attention_tiles.fuse(block, key_block, scores)
  else:
    scores = scores[1:-1, 1:-1, 1:-1, 1:-1]
  logits = settings.softmax_scale * scores * is_source[None, None]
  return jnp.where(key_block.exists[None, None], logits, -jnp.inf)


def _rows(squares, block):
  """Returns the squares `[R + 1, w + 1, 4 C]` of a block."""
  size = block.place.shape[0] + 1
  return jax.lax.dynamic_slice_in_dim(squares, block.row, size)


def _add_rows(squares, block, rows):
  """Returns `squares` with `rows` added to those of a block."""
  rows = _rows(squares, block) + rows
  return jax.lax.dynamic_update_slice_in_dim(squares, rows, block.row, axis=0)
