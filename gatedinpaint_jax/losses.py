"""Losses of the paper as pure functions of arrays, each with weight 1.

No function broadcasts: shapes that differ are an error, because a loss that
broadcasts silently is the classic mistake.
"""

import jax
import jax.numpy as jnp


def l1(prediction: jax.Array, target: jax.Array) -> jax.Array:
  """Returns the mean of |prediction - target| over everything.

  Args:
    prediction: any shape, float.
    target: the same shape.

  Returns:
    Scalar. On pictures in [-1, 1] it is in [0, 2]; hole and known pixels count
    alike, as in the released program.

  Raises:
    ValueError: if the shapes differ.
  """
  _check_same_shape(prediction=prediction, target=target)
  return jnp.mean(jnp.abs(prediction - target))


def hinge_discriminator(
  *, real_scores: jax.Array, fake_scores: jax.Array
) -> jax.Array:
  """Returns the hinge loss that pushes real above 1 and fake below -1.

  Args:
    real_scores: scores of real pictures, any shape, float.
    fake_scores: scores of completed pictures, the same shape.

  Returns:
    Scalar, at least 0; exactly 0 once every score is past its margin.

  Raises:
    ValueError: if the shapes differ.

  Source: Yu et al. 2019, equation 3. The released program halves it; here that
  is the weight `config.loss.discriminator`.
  """
  _check_same_shape(real_scores=real_scores, fake_scores=fake_scores)
  return jnp.mean(jax.nn.relu(1 - real_scores)) + jnp.mean(
    jax.nn.relu(1 + fake_scores)
  )


def hinge_generator(fake_scores: jax.Array) -> jax.Array:
  """Returns minus the mean score: falls as completed pictures look real."""
  return -jnp.mean(fake_scores)


def _check_same_shape(**arrays):
  (name_a, a), (name_b, b) = arrays.items()
  if a.shape != b.shape:
    raise ValueError(f"{name_a} {a.shape} and {name_b} {b.shape} differ.")
