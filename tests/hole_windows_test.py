"""Windows hold every hole with its surroundings, once."""

import time

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from gatedinpaint_jax.inference import hole_windows

settings = hypothesis.settings(
  max_examples=60, deadline=None, derandomize=True, database=None
)


@strategies.composite
def holes(draw):
  """Draws pictures with up to eight rectangular holes."""
  height = draw(strategies.integers(1, 1200))
  width = draw(strategies.integers(1, 1200))
  hole = np.zeros((height, width), bool)
  for _ in range(draw(strategies.integers(0, 8))):
    top = draw(strategies.integers(0, height - 1))
    left = draw(strategies.integers(0, width - 1))
    rows = draw(strategies.integers(1, 300))
    columns = draw(strategies.integers(1, 300))
    hole[top : top + rows, left : left + columns] = True
  return hole


@settings
@hypothesis.given(holes())
def test_every_hole_lies_in_one_window_and_no_pixel_in_two(hole):
  count = np.zeros(hole.shape, int)
  for rows, columns in hole_windows.find(hole):
    assert 0 <= rows.start < rows.stop <= hole.shape[0]
    assert 0 <= columns.start < columns.stop <= hole.shape[1]
    count[rows, columns] += 1
    assert hole[rows, columns].any()
  assert count.max() <= 1
  assert (count[hole] == 1).all()


@settings
@hypothesis.given(holes())
def test_window_shows_the_surroundings_of_its_holes_and_no_more(hole):
  for window in hole_windows.find(hole):
    inside = hole[window]
    for axis, side in enumerate(window):
      length = hole.shape[axis]
      (places,) = np.nonzero(inside.any(1 - axis))
      before, after = places[0], side.stop - side.start - 1 - places[-1]
      extent = places[-1] + 1 - places[0]
      margin = max(64, extent // 2)
      assert before >= margin or side.start == 0
      assert after >= margin or side.stop == length
      size, wanted = side.stop - side.start, max(256, 2 * extent)
      assert min(length, wanted) <= size < wanted + 64
      assert size % 64 == 0 or size == length


def test_small_holes_far_apart_have_small_windows():
  hole = np.zeros((3000, 4000), bool)
  for top in (0, 600, 1500, 2990):
    for left in (0, 700, 2000, 3000, 3990):
      hole[top : top + 10, left : left + 10] = True
  windows = hole_windows.find(hole)
  assert len(windows) == 20
  for rows, columns in windows:
    assert (rows.stop - rows.start, columns.stop - columns.start) == (256, 256)


def test_windows_that_would_overlap_are_one():
  hole = np.zeros((1000, 2000), bool)
  hole[500, 500] = hole[500, 700] = True
  (window,) = hole_windows.find(hole)
  assert window[1].stop - window[1].start == 448
  hole[500, 900] = True
  assert len(hole_windows.find(hole)) == 1
  hole[500, 1500] = True
  assert len(hole_windows.find(hole)) == 2


def test_windows_that_do_not_overlap_stay_apart():
  hole = np.zeros((100, 1000), bool)
  hole[50, [170, 479]] = True
  assert len(hole_windows.find(hole)) == 2


def test_window_that_grows_into_another_takes_it_in():
  hole = np.zeros((600, 2000), bool)
  hole[300, [200, 440]] = True  # together 241 wide: their window is 512
  hole[300, 700] = True  # clear of the second's window, not of theirs
  (window,) = hole_windows.find(hole)
  assert window[1].start <= 200 and window[1].stop > 700


@pytest.mark.parametrize("size", [(1, 1), (7, 3000), (300, 500)])
def test_empty_mask_has_no_window_and_a_full_one_the_picture(size):
  assert hole_windows.find(np.zeros(size, bool)) == []
  (window,) = hole_windows.find(np.ones(size, bool))
  assert window == (slice(0, size[0]), slice(0, size[1]))


@pytest.mark.parametrize("kind", ["500 small holes", "specks everywhere"])
def test_large_pictures_take_little_time(kind):
  generator = np.random.default_rng(0)
  hole = np.zeros((3000, 4000), bool)
  if kind == "specks everywhere":
    hole = generator.random(hole.shape) < 0.03
  else:
    for top, left in generator.integers(0, 2990, (500, 2)):
      hole[top : top + 8, left : left + 8] = True
  started = time.process_time()
  hole_windows.find(hole)
  assert time.process_time() - started < 2
