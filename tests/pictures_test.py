"""Which pictures are shown, and what is painted where."""

import io

import numpy as np
from PIL import Image

from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax import visualize
from gatedinpaint_jax.evaluation import cases, pictures
from gatedinpaint_jax.metrics import dataset_scores

# 64 x 48, so each pixel becomes 2 x 2; a column is 128 wide all the same.
TOP = 16 + 16
COLUMN = 128 + 4


def kinds(*errors):
  """What `choose` makes of pictures with these errors, by their positions."""
  rows = [
    dataset_scores.Row(
      f"picture {i}", 0.5, {}, {} if error is None else {"l1": float(error)}
    )
    for i, error in enumerate(errors)
  ]
  chosen = pictures.choose(rows)
  for i, label in chosen.items():
    end = f": picture {i}, hole 50%, l1 in it {errors[i]:.1f} %"
    assert label.endswith(end)
  return [(i, label.partition(":")[0]) for i, label in chosen.items()]


def test_best_median_and_worst_are_chosen_in_this_order():
  assert kinds(5, 1, 9, 3, 7, 2, 8, 4, 6) == [
    (1, "best"),
    (5, "best"),
    (7, "median"),
    (0, "median"),
    (6, "worst"),
    (2, "worst"),
  ]


def test_few_pictures_are_shown_once_and_none_without_a_hole():
  assert kinds(2, 1, 3) == [(1, "best"), (0, "best"), (2, "worst")]
  assert kinds(None, 2, None) == [(1, "best")]
  assert kinds(None) == []


def test_nothing_to_show_is_one_white_pixel():
  data = pictures.to_png(pictures.draw_grid([]))
  assert Image.open(io.BytesIO(data)).getcolors() == [(1, (255, 255, 255))]


def row(label, value):
  original = np.full((64, 48, 3), 100, np.uint8)
  hole = np.zeros((64, 48), bool)
  hole[:32] = True
  methods = {
    name: np.where(hole[..., None], np.uint8(value + i), original)
    for i, name in enumerate(("mean_fill", "gated"))
  }
  return pictures.Shown(label, original, hole, methods)


def test_columns_are_original_hole_and_methods_with_labels_and_enlarged():
  grid = pictures.draw_grid([row("a", 10), row("b", 20)])
  assert grid.shape == (16 + 2 * (16 + 128), 4 * COLUMN - 4, 3)
  for i, fills in enumerate([(100, 255, 10, 11), (100, 255, 20, 21)]):
    top = 16 + i * (16 + 128)
    assert grid[top : top + 16].min() < 100, "the label of a row"
    for j, fill in enumerate(fills):
      column = grid[:, j * COLUMN : j * COLUMN + 128]
      assert column[:16].min() < 100, "the label of a column"
      # Enlarged to 96 pixels in the middle of the column.
      line = column[top + 16 + 5]
      assert (line[16:112] == fill).all()
      assert (line[:16] == 255).all() and (line[112:] == 255).all()
      assert (column[top + 16 + 105, 64] == 100).all()


def test_pictures_of_several_sizes_have_rows_of_their_own_height():
  small = row("a", 10)
  large = np.zeros((100, 400, 3), np.uint8)
  wide = pictures.Shown(
    "b", large, large[..., 0] == 0, {"mean_fill": large, "gated": large}
  )
  grid = pictures.draw_grid([small, wide, small], max_side=256)
  heights = 128 + 64 + 128  # 100 x 400 becomes 64 x 256
  assert grid.shape == (16 + 3 * 16 + heights, 4 * 260 - 4, 3)
  # 96 wide in the middle of its tile.
  assert (grid[TOP + 5, 2 * 260 + 80 : 2 * 260 + 176] == 10).all()
  last = TOP + 128 + 16 + 64 + 16
  assert (grid[last + 5, 3 * 260 + 128] == 11).all()


def test_of_a_long_name_the_end_is_shown():
  image = np.full((128, 128, 3), 100, np.uint8)
  hole = image[..., 0] > 0

  def draw(name):
    shown = pictures.Shown("a", image, hole, {name: image, "b": image})
    return pictures.draw_grid([shown])[:16]

  ends = [
    draw(f"runs/{start}/of/a/path/that/is/longer/than/its/column/{end}")
    for start, end in (("x", "1"), ("y", "1"), ("x", "2"))
  ]
  np.testing.assert_array_equal(ends[0], ends[1])
  assert (ends[0] != ends[2]).any()
  column = 128 + 4
  # It ends before the next column.
  assert (ends[0][:, 2 * column + 127 : 3 * column] == 255).all()


def test_what_only_a_file_calls_missing_is_drawn_as_missing():
  image = np.linspace(500, 600, 256, dtype=np.int16).reshape(16, 16, 1)
  missing = np.zeros((16, 16), bool)
  missing[:4] = True
  image[missing] = -9999
  loaded = cases.Loaded(None, image, np.zeros((16, 16), bool), missing)
  values = values_lib.Values(1, ((0.0, 2000.0),))
  shown = pictures.show("a", loaded, {"m": image}, values)
  assert shown.label.startswith("a; channel 0: 52")
  for drawn in (shown.original, shown.completed["m"]):
    assert (drawn[missing] == visualize.MISSING).all()
    assert drawn[~missing].min() == 0 and drawn[~missing].max() == 255
