import jax
import numpy as np
import pytest

from gatedinpaint_jax.baselines import hole_window


def coordinates(count, height, width):
  """Pictures whose pixels say where they lie: (row, column)."""
  grid = np.stack(np.mgrid[:height, :width], axis=-1).astype(np.float32)
  return np.stack([grid] * count)


@pytest.mark.parametrize(
  ("rows", "columns", "corner"),
  [
    (slice(4, 8), slice(10, 12), (2, 5)),  # in the middle of the hole
    (slice(0, 3), slice(0, 3), (0, 0)),  # not beyond the picture
    (slice(14, 16), slice(22, 24), (8, 12)),
    (slice(0, 16), slice(0, 24), (4, 6)),  # larger than the window
    (slice(0, 0), slice(0, 0), (4, 6)),  # no hole: the picture's own middle
  ],
)
def test_window_is_half_the_picture_around_its_hole(rows, columns, corner):
  mask = np.zeros((2, 16, 24, 1), np.float32)
  mask[1, rows, columns] = 1
  mask[0, 15, 23] = 1
  window = jax.jit(hole_window.cut)(coordinates(2, 16, 24), mask)
  assert window.shape == (2, 8, 12, 2)
  assert tuple(window[0, 0, 0]) == (8, 12)
  assert tuple(window[1, 0, 0]) == corner
  assert tuple(window[1, -1, -1]) == (corner[0] + 7, corner[1] + 11)


@pytest.mark.parametrize("size", [(16, 24), (15, 9)])
def test_inside_is_what_is_cut(size):
  mask = (np.random.default_rng(0).random((20, *size, 1)) < 0.01).astype("f")
  assert not mask.any((1, 2, 3)).all()
  inside = jax.jit(hole_window.inside)(mask)
  cut = hole_window.cut(inside, mask)
  assert cut.all()
  assert inside.sum() == cut.size


def test_window_is_around_all_holes_of_a_picture():
  mask = np.zeros((1, 16, 16, 1), np.float32)
  mask[0, 2, 3] = mask[0, 9, 12] = 1
  window = hole_window.cut(coordinates(1, 16, 16), mask)
  assert tuple(window[0, 0, 0]) == (2, 4)
