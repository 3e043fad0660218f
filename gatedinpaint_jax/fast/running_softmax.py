"""A softmax over blocks of keys, and the patches that it copies.

Source: Dao et al. 2022 (FlashAttention), section 3.1.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Softmax(NamedTuple):
  """A softmax over the keys seen so far, for each query of a block.

  The axes of the keys are kept, `[R, w, 1, 1]`, but for `copied`.

  Attributes:
    highest: the largest logit.
    total: sum of all exp(logit - highest).
    copied: `[R, w, K]`, sum of the patches of the sources, each times its
      exp(logit - highest).
    best: the largest exp(logit - highest) of a source.
    source: the place of that source, the first one among equals.
  """

  highest: jax.Array
  total: jax.Array
  copied: jax.Array
  best: jax.Array
  source: jax.Array


def begin(shape, channels) -> Softmax:
  """Returns the softmax over no keys.

  Args:
    shape: (R, w) of the queries.
    channels: K, of a patch.
  """
  zeros = jnp.zeros((*shape, 1, 1))
  return Softmax(
    highest=zeros - jnp.inf,
    total=zeros,
    copied=jnp.zeros((*shape, channels)),
    best=zeros,
    source=zeros.astype(jnp.int32),
  )


def update(state, logits, place, is_source, patches) -> Softmax:
  """Returns the softmax over the keys of one more block.

  Args:
    state: of the keys before.
    logits: `[R, w, R', w]`, -inf for missing keys. At least one key must have
      been seen after this block.
    place: `[R', w] int32`, numbers of the keys, above those of earlier blocks.
    is_source: `[R', w] float32`, 1 where the key may be copied, else 0.
    patches: `[R', w, K]`, to copy; products are computed in their dtype.
  """
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
