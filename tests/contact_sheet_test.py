import io

import numpy as np
from PIL import Image

from gatedinpaint_jax.evaluation import contact_sheet
from gatedinpaint_jax.metrics import dataset_scores


def rows(*errors):
  return [
    dataset_scores.Row(
      str(i), 0.5, {}, {} if error is None else {"l1": float(error)}
    )
    for i, error in enumerate(errors)
  ]


def test_best_median_and_worst_are_chosen_in_this_order():
  chosen = contact_sheet.choose(rows(5, 1, 9, 3, 7, 2, 8, 4, 6))
  assert list(chosen.items()) == [
    (1, "best"),
    (5, "best"),
    (7, "median"),
    (0, "median"),
    (6, "worst"),
    (2, "worst"),
  ]


def test_few_pictures_are_shown_once():
  assert contact_sheet.choose(rows(2, 1, 3)) == {
    1: "best",
    0: "best",
    2: "worst",
  }
  assert contact_sheet.choose(rows(2)) == {0: "best"}


def test_pictures_without_a_hole_are_not_shown():
  assert contact_sheet.choose(rows(None, 2, None)) == {1: "best"}
  assert contact_sheet.choose(rows(None)) == {}


def test_sheet_has_a_row_for_each_picture():
  grey = np.full((10, 20, 3), 100, np.uint8)
  hole = np.zeros((10, 20), bool)
  hole[:, :10] = True
  tall = (grey.swapaxes(0, 1), grey.swapaxes(0, 1), hole.T)
  sheet = contact_sheet.draw([("first", (grey, grey // 2, hole)), ("b", tall)])
  assert sheet.shape == (2 * (16 + 256), 3 * 260 - 4, 3)
  middle = 16 + 64  # of the first row of pictures, 128 high
  assert sheet[middle, 128].tolist() == [100] * 3
  assert sheet[middle, 260 + 60].tolist() == [255] * 3
  assert sheet[middle, 260 + 196].tolist() == [100] * 3
  assert sheet[middle, 520 + 128].tolist() == [50] * 3
  assert sheet[:16].min() < 100  # its label


def test_file_is_a_png_even_without_pictures():
  assert Image.open(io.BytesIO(contact_sheet.encode([]))).size == (1, 1)
