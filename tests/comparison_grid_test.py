import numpy as np

from gatedinpaint_jax.evaluation import comparison_grid

# 64 x 48, so each pixel becomes 2 x 2; a column is 128 wide all the same.
TOP = 16 + 16
COLUMN = 128 + 4


def row(label, value):
  original = np.full((64, 48, 3), 100, np.uint8)
  hole = np.zeros((64, 48), bool)
  hole[:32] = True
  methods = {
    name: np.where(hole[..., None], np.uint8(value + i), original)
    for i, name in enumerate(("mean_fill", "gated"))
  }
  return comparison_grid.Shown(label, original, hole, methods)


def test_columns_are_original_hole_and_methods_in_their_order():
  grid = comparison_grid.draw([row("a", 10), row("b", 20)])
  assert grid.shape == (16 + 2 * (16 + 128), 4 * COLUMN - 4, 3)
  for i, fills in enumerate([(100, 255, 10, 11), (100, 255, 20, 21)]):
    y = TOP + i * (16 + 128) + 5
    for j, fill in enumerate(fills):
      assert (grid[y, j * COLUMN + 64] == fill).all()
      assert (grid[y + 100, j * COLUMN + 64] == 100).all()


def test_pixels_are_enlarged_and_stay_in_the_middle_of_their_column():
  grid = comparison_grid.draw([row("a", 10)])
  line = grid[TOP + 5, 2 * COLUMN : 2 * COLUMN + 128, 0]
  assert (line[16:112] == 10).all()
  assert (line[:16] == 255).all() and (line[112:] == 255).all()


def test_every_column_and_every_row_has_a_label():
  grid = comparison_grid.draw([row("a", 10), row("b", 20)])
  for j in range(4):
    assert grid[:16, j * COLUMN : j * COLUMN + 128].min() < 100
  for i in range(2):
    top = 16 + i * (16 + 128)
    assert grid[top : top + 16].min() < 100


def test_large_pictures_are_not_enlarged():
  large = np.zeros((130, 200, 3), np.uint8)
  shown = comparison_grid.Shown("a", large, large[..., 0] > 0, {"x": large})
  grid = comparison_grid.draw([shown])
  assert grid.shape == (16 + 16 + 130, 3 * 204 - 4, 3)
