"""Contextual attention: fill the hole with patches copied from the known area.

Every place is compared with every other by its 3 x 3 patch of the features at
half resolution. The 4 x 4 patches of the features at full resolution around the
best matches are copied, overlapped and averaged.

Matrices are `[B, P, P]`: a row for each place to fill, a column for each place
to copy from, P = h * w places in row-major order.

Source: Yu et al. 2018 (Generative Image Inpainting with Contextual Attention),
section 4, as the released program of Yu et al. 2019 computes it.
"""

import jax
import jax.numpy as jnp
from jax import lax

from gatedinpaint_jax.layers import patches, resize

# Features are compared at half of their resolution.
_RATE = 2


def attend(queries, keys, values, is_source, *, fuse, softmax_scale):
  """Rebuilds pictures from patches of `values`.

  Args:
    queries: `[B, h, w, C]`, features to rebuild, compared by 3 x 3 patches.
    keys: `[B, h, w, C]`, features that they are compared with.
    values: `[B, 2 h, 2 w, C]`, features whose 4 x 4 patches are copied.
    is_source: `[B, P] float32`, 1 for places that may be copied from, else 0.
    fuse: see `contextual_attention`.
    softmax_scale: see `contextual_attention`.

  Returns:
    The rebuilt features `[B, 2 h, 2 w, C] float32`, the strongest source of
    each place `[B, P] int32`, the first one among equals, 0 without any source,
    and all weights `[B, P, P] float32`, or None from a form in `fast` that
    never holds them at once.
  """
  scores = _match(queries, keys)
  if fuse:
    scores = _fuse(scores, *queries.shape[1:3])
  # As released: places in the hole take part in the softmax with a score of 0,
  # and only their weights are discarded.
  is_source = is_source[:, None, :]
  attention = jax.nn.softmax(softmax_scale * scores * is_source) * is_source
  source = jnp.argmax(attention, axis=-1).astype(jnp.int32)
  return _paste(attention, values), source, attention


def contextual_attention(
  queries: jax.Array,
  background: jax.Array,
  no_source: jax.Array,
  *,
  fuse: bool = True,
  softmax_scale: float = 10.0,
  attend=attend,
) -> tuple[jax.Array, jax.Array, jax.Array | None]:
  """Rebuilds `queries` from patches of `background`.

  Args:
    queries: `[B, H, W, C]` features to rebuild; H and W are even.
    background: features of the same shape to copy from.
    no_source: `[B, H, W, 1]`, 1 where nothing may be copied from: in holes and
      padding. A patch that touches such a place is no source. Without any
      source, the features are 0.
    fuse: prefer to copy neighbouring sources to neighbouring places.
    softmax_scale: a larger scale makes the choice of a source harder.
    attend: `attend` of this file, or an equal form from `fast`.

  Returns:
    The features `[B, H, W, C]`, of the dtype of the queries; the offsets
    `[B, H/2, W/2, 2] int32`, (rows, columns) from each place to its strongest
    source, the first one among equals, which are not differentiable; and the
    weights of all sources, see `attend`.

  Raises:
    ValueError: if the shapes do not fit or a side is odd.
  """
  for x, channels in ((background, queries.shape[-1]), (no_source, 1)):
    if x.shape != (*queries.shape[:-1], channels):
      raise ValueError(f"{x.shape} does not fit queries {queries.shape}.")
  no_source = resize.reduce_nearest(no_source, _RATE)
  is_source = jnp.max(patches.around_places(no_source), axis=-1) == 0
  features, source, attention = attend(
    resize.reduce_nearest(queries, _RATE),
    resize.reduce_nearest(background, _RATE),
    background,
    is_source.astype(jnp.float32),
    fuse=fuse,
    softmax_scale=softmax_scale,
  )
  _, height, width, _ = queries.shape
  offsets = _offsets(source, height // _RATE, width // _RATE)
  return features.astype(queries.dtype), offsets, attention


def _match(queries, keys):
  """Returns the scores `[B, P, P]`: patches of queries times unit keys.

  Queries are not normalized: scores grow with them.
  """
  keys = patches.around_places(keys)
  square = jnp.sum(jnp.square(keys.astype(jnp.float32)), axis=-1)
  products = jnp.einsum(
    "bqc,bpc->bqp",
    patches.around_places(queries),
    keys,
    preferred_element_type=jnp.float32,
  )
  return products / patches.norm(square)[:, None, :]


def _fuse(scores, rows, columns):
  """Adds to each score those of the neighbouring pairs, along rows and columns.

    along_rows[i, j] = scores[i-1, j-1] + scores[i, j] + scores[i+1, j+1]

  and likewise with column-major numbers i and j. As in the released program, a
  row continues with the beginning of the row below, a column with the top of
  the column to its right.
  """
  along_rows = jnp.pad(scores, ((0, 0), (1, 1), (1, 1)))
  scores = _add_neighbours(scores, along_rows, step=1)
  along_columns = scores
  for axis in (1, 2):
    along_columns = continue_columns(along_columns, axis, rows, columns)
  return _add_neighbours(scores, along_columns, step=columns)


def continue_columns(x, axis, rows, columns):
  """Adds a row of places above the top and below the bottom of the picture.

  The row above is the bottom row shifted right by one column, the row below is
  the top row shifted left; 0 where that leaves no place.
  `axis` of `x` has the `rows * columns` places.
  """
  before, after = x.shape[:axis], x.shape[axis + 1 :]
  # A grid, because no slice can start at a product of symbolic sizes.
  grid = x.reshape(*before, rows, columns, *after)
  top, bottom = (
    lax.slice_in_dim(grid, row, row + 1, axis=axis).reshape(
      *before, columns, *after
    )
    for row in (0, rows - 1)
  )
  zero = jnp.zeros_like(lax.slice_in_dim(top, 0, 1, axis=axis))
  above = lax.slice_in_dim(bottom, 0, columns - 1, axis=axis)
  below = lax.slice_in_dim(top, 1, columns, axis=axis)
  return lax.concatenate([zero, above, x, below, zero], axis)


def _add_neighbours(scores, extended, *, step):
  """Adds the pairs `step` places before and after from the extended scores."""
  batch, places, _ = scores.shape
  for start in (0, 2 * step):
    stop = start + places
    scores += lax.slice(extended, (0, start, start), (batch, stop, stop))
  return scores


def _paste(attention, values):
  """Returns the mean `[B, 2 h, 2 w, C] float32` of weighted 4 x 4 patches.

  With a stride of 2, four of them overlap at every inner pixel. Fewer do at the
  border, where the sum is still divided by four, as in the released program.
  """
  corners = patches.corners(patches.to_squares(values))
  batch, rows, columns, channels = corners.shape
  copied = jnp.einsum(
    "bqp,bpk->bqk",
    attention.astype(values.dtype),
    corners.reshape(batch, rows * columns, channels),
    preferred_element_type=jnp.float32,
  )
  copied = copied.reshape(corners.shape)
  return patches.from_squares(patches.add_corners(copied)) / 4


def _offsets(source, rows, columns):
  """Returns `[B, h, w, 2] int32` from each place to its strongest source."""
  source = source.reshape(-1, rows, columns)
  source = jnp.stack(jnp.divmod(source, columns), axis=-1)
  own = jnp.stack(
    jnp.meshgrid(jnp.arange(rows), jnp.arange(columns), indexing="ij"), axis=-1
  )
  return (source - own[None]).astype(jnp.int32)
