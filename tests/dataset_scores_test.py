import numpy as np
import pytest

from gatedinpaint_jax.metrics import dataset_scores


def row(name, fraction, l1, psnr=20.0):
  scores = {"l1": l1, "psnr": psnr}
  return dataset_scores.Row(name, fraction, scores, scores)


def test_scores_are_in_their_units_and_equal_plain_numpy():
  draw = np.random.default_rng(0)
  original, completed = draw.integers(0, 256, (2, 16, 24, 3)).astype(np.uint8)
  hole = np.zeros((16, 24), bool)
  hole[4:12, 3:20] = True
  found = dataset_scores.score_picture("a", completed, original, hole)
  assert found.name == "a" and found.hole_fraction == hole.mean()
  for scores, part in ((found.whole, hole | True), (found.hole, hole)):
    x, y = completed[part] / 255, original[part] / 255
    expected = {
      "relative_l1": 100 * np.abs(x - y).sum() / y.sum(),
      "relative_l2": 100 * ((x - y) ** 2).sum() / (y**2).sum(),
      "l1": 100 * np.abs(x - y).mean(),
      "l2": 100 * ((x - y) ** 2).mean(),
      "psnr": -10 * np.log10(((x - y) ** 2).mean()),
    }
    for name, value in expected.items():
      assert scores[name] == pytest.approx(value, rel=1e-5), name
  assert list(found.whole) == [n for n in dataset_scores.UNITS if n != "lpips"]


def test_picture_without_a_hole_has_no_scores_in_it():
  image, hole = np.zeros((16, 16, 3), np.uint8), np.zeros((16, 16), bool)
  found = dataset_scores.score_picture("a", image, image, hole)
  assert found.hole == {} and found.whole["l1"] == 0


def test_mean_is_over_pictures_and_leaves_out_what_is_not_finite():
  rows = [row("a", 0.1, 1.0), row("b", 0.1, 5.0, psnr=np.inf)]
  summary = dataset_scores.summarise(rows)["whole"]
  assert summary["l1"]["mean"] == 3 and summary["l1"]["pictures"] == 2
  assert summary["psnr"]["mean"] == 20 and summary["psnr"]["pictures"] == 1
  assert summary["psnr"]["of_pictures"] == 2
  assert summary["l1"]["low"] == 1 and summary["l1"]["high"] == 5


def test_differences_are_of_each_picture_and_of_what_is_finite_in_both():
  rows = [row("a", 0.1, 4.0), row("b", 0.2, 2.0, psnr=None)]
  others = [row("a", 0.1, 1.0), row("b", 0.2, 3.0)]
  first, second = dataset_scores.subtract(rows, others)
  assert first == row("a", 0.1, 3.0, psnr=0.0)
  assert second.whole == second.hole == {"l1": -1.0}
  with pytest.raises(ValueError, match="not a pair"):
    dataset_scores.subtract(rows, others[::-1])


def test_null_of_a_report_is_a_score_that_is_not_finite():
  rows = [row("a", 0.1, 1.0, psnr=None), row("b", 0.1, 1.0)]
  summary = dataset_scores.summarise(rows, rows)["whole"]["psnr"]
  assert (summary["mean"], summary["pictures"]) == (20, 1)


def test_bins_hold_their_lower_bound_and_not_their_upper():
  rows = [row("a", 0.0, 1.0), row("b", 0.1, 2.0), row("c", 0.19, 4.0)]
  rows.append(row("d", 0.7, 8.0))
  bins = dataset_scores.summarise_bins(rows, [(0, 10), (10, 20), (20, 30)])
  assert [(b["hole_percent"], b["pictures"]) for b in bins] == [
    ([0, 10], 1),
    ([10, 20], 2),
  ]
  assert bins[1]["whole"]["l1"]["mean"] == 3
  # A picture that is all hole is in the bin up to 100.
  rows = [row("a", 0.6, 1.0), row("b", 1.0, 3.0), row("c", 0.59, 9.0)]
  (found,) = dataset_scores.summarise_bins(rows, [(60, 100)])
  assert found["pictures"] == 2 and found["whole"]["l1"]["mean"] == 2
