import jax
import numpy as np
import pytest

from gatedinpaint_jax.fast import pair_sums


def by_hand(matrix, count, border):
  """Sums along diagonals of `[I, J]`, one number at a time."""
  padded = np.pad(matrix, border)
  rows, columns = (size - count + 1 for size in padded.shape)
  return np.array(
    [
      [sum(padded[i + k, j + k] for k in range(count)) for j in range(columns)]
      for i in range(rows)
    ]
  )


CASES = [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]


@pytest.mark.parametrize(("count", "border"), CASES)
def test_sums_lie_on_diagonals(count, border):
  matrix = np.random.default_rng(0).normal(size=(5, 7))
  actual = pair_sums.sum_pairs(matrix.astype("f"), (0, 1), count, border)
  np.testing.assert_allclose(
    actual, by_hand(matrix, count, border), atol=1e-6, rtol=0
  )


@pytest.mark.parametrize(("count", "border"), CASES)
def test_gradient_is_the_transpose(count, border):
  random = np.random.default_rng(1)
  matrix = random.normal(size=(2, 4, 3, 5)).astype("f")
  sums, pull = jax.vjp(
    lambda x: pair_sums.sum_pairs(x, (1, 3), count, border), matrix
  )
  by_sums = random.normal(size=sums.shape).astype("f")
  # <A x, y> = <x, A' y>
  np.testing.assert_allclose(
    np.vdot(sums, by_sums), np.vdot(matrix, *pull(by_sums)), rtol=1e-5
  )


def test_other_axes_stay_apart():
  matrix = np.random.default_rng(2).normal(size=(2, 4, 3, 5)).astype("f")
  together = pair_sums.sum_pairs(matrix, (1, 3), 3, 1)
  for i, j in np.ndindex(2, 3):
    alone = pair_sums.sum_pairs(matrix[i, :, j], (0, 1), 3, 1)
    np.testing.assert_array_equal(together[i, :, j], alone)


def test_sums_of_a_batch_are_those_of_its_parts():
  matrix = np.random.default_rng(3).normal(size=(3, 4, 5)).astype("f")
  sum_one = lambda x: pair_sums.sum_pairs(x, (0, 1), 2, 1)
  np.testing.assert_array_equal(
    jax.vmap(sum_one)(matrix), pair_sums.sum_pairs(matrix, (1, 2), 2, 1)
  )
