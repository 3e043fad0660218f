"""Losses of the paper as pure functions of arrays, each with weight 1.

No function broadcasts: shapes that differ are a ValueError, because a loss that
broadcasts silently is the classic mistake.
"""

import dataclasses

import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class LossWeights:
  """Weights of the losses; `configs/places2.py` describes them."""

  l1_coarse: float = 1.0
  l1_refined: float = 1.0
  hole: float = 1.0
  known: float = 1.0
  separate_means: bool = False
  adversarial: float = 1.0
  discriminator: float = 0.5

  @property
  def has_uniform_pixels(self) -> bool:
    """Whether hole and known pixels have equal weights, as in the paper."""
    return self.hole == self.known == 1 and not self.separate_means


def l1(
  prediction: jax.Array, target: jax.Array, weight: jax.Array | float = 1.0
) -> jax.Array:
  """Returns the mean of weight * |prediction - target| over everything.

  Pictures are `[B, H, W, C]`; the weight is of each pixel, `[B, H, W, 1]`, or
  of all, as in the released program. Up to 2 for pictures in [-1, 1].
  """
  check_pixels(prediction, target, weight)
  return jnp.mean(weight * jnp.abs(prediction - target))


def pixel_weight(
  mask: jax.Array,
  *,
  hole: jax.Array | float,
  known: jax.Array | float,
  separate_means: bool = False,
  unknown: jax.Array | None = None,
) -> jax.Array:
  """Returns how much each pixel counts in `l1`, `[B, H, W, 1]`.

  `hole` and `known` weigh the pixels in holes and all others. `separate_means`
  divides both by the share of the picture that they have, so that `l1` becomes
  hole * (mean over the hole) + known * (mean over the rest) of each picture,
  whatever the size of its hole. Pixels that are `unknown` do not count, and
  those that a picture has instead count for them.

  Source: Liu et al. 2018, section 3.3.
  """
  rest = 1 - mask
  if unknown is not None:
    mask = mask - unknown
  # A picture without a hole, or without a rest, has no such mean.
  one_pixel = 1 / (mask.shape[1] * mask.shape[2])
  share = lambda x: jnp.maximum(
    jnp.mean(x, axis=(1, 2, 3), keepdims=True), one_pixel
  )
  in_hole, in_rest = hole * mask, known * rest
  if separate_means:
    if unknown is None:  # rounds as 1 - share does, also at odd sizes
      of_rest = jnp.maximum(
        1 - jnp.mean(mask, axis=(1, 2, 3), keepdims=True), one_pixel
      )
    else:
      of_rest = share(rest)
    return in_hole / share(mask) + in_rest / of_rest
  weight = in_hole + in_rest
  return weight if unknown is None else weight / share(mask + rest)


def hinge_discriminator(
  *, real_scores: jax.Array, fake_scores: jax.Array
) -> jax.Array:
  """Returns the hinge loss that pushes real above 1 and fake below -1.

  Scores may have any shape. The loss is 0 once all are past their margins.

  Source: Yu et al. 2019, section 3.2. The released program halves it; here that
  is the weight `config.loss.discriminator`.
  """
  check_same_shape(real_scores=real_scores, fake_scores=fake_scores)
  return jnp.mean(jax.nn.relu(1 - real_scores)) + jnp.mean(
    jax.nn.relu(1 + fake_scores)
  )


def hinge_generator(fake_scores: jax.Array) -> jax.Array:
  """Returns minus the mean score: falls as completed pictures look real."""
  return -jnp.mean(fake_scores)


def check_pixels(prediction, target, weight) -> None:
  """Raises ValueError unless the pixels of all three correspond."""
  check_same_shape(prediction=prediction, target=target)
  if jnp.ndim(weight) and weight.shape != (*target.shape[:-1], 1):
    raise ValueError(f"weight {weight.shape} of pictures {target.shape}.")


def check_same_shape(**arrays) -> None:
  """Raises ValueError unless two arrays, by name, have the same shape."""
  (name_a, a), (name_b, b) = arrays.items()
  if a.shape != b.shape:
    raise ValueError(f"{name_a} {a.shape} and {name_b} {b.shape} differ.")
