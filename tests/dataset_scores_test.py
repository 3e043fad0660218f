import numpy as np
import pytest

from gatedinpaint_jax import values as values_lib
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


def score_data(image, original, hole, values):
  missing = values.is_missing(original)
  return dataset_scores.score_picture(
    "a", image, original, hole & ~missing, missing, values=values
  )


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32])
def test_errors_are_in_the_units_of_the_data_and_in_percents_of_its_range(
  dtype,
):
  values = values_lib.Values(1, ((0.0, 4000.0),))
  original = np.full((16, 24, 1), 1000, dtype)
  hole = np.zeros((16, 24), bool)
  hole[4:8, :10] = True
  image = original.copy()
  image[4:8, :5] = 1030
  image[4:8, 5:10] = 960
  row = score_data(image, original, hole, values)
  # By hand: (30 + 40) / 2 = 35, and the root of (900 + 1600) / 2 = 1250.
  assert row.hole["mae"] == pytest.approx(35)
  assert row.hole["rmse"] == pytest.approx(1250**0.5)
  assert row.hole["l1"] == pytest.approx(100 * 35 / 4000, rel=1e-3)
  assert row.hole["relative_l1"] == pytest.approx(3.5, rel=1e-3)
  assert row.whole["l1"] == pytest.approx(row.hole["l1"] * 40 / 384)
  assert "mae" not in row.whole
  # Beyond the range, only percents are of its bounds.
  image[4:8, :10] = 9000
  row = score_data(image, original, hole, values)
  assert row.hole["mae"] == 8000 and row.hole["l1"] == pytest.approx(75)


@pytest.mark.parametrize("channels", [4, 13])
def test_channels_of_several_ranges_have_errors_of_their_own(channels):
  ranges = tuple((0.0, 10.0 * (i + 1)) for i in range(channels))
  original = np.zeros((16, 16, channels), np.float32)
  image = original + np.arange(channels, dtype=np.float32)
  hole = np.indices((16, 16))[0] < 5
  row = score_data(image, original, hole, values_lib.Values(channels, ranges))
  assert "mae" not in row.hole and "rmse" not in row.hole
  for i in range(channels):
    assert row.hole[f"mae_of_channel_{i}"] == i
    assert row.hole[f"rmse_of_channel_{i}"] == pytest.approx(i)
  same = values_lib.Values(channels, ((0.0, 10.0),) * channels)
  mean = score_data(image, original, hole, same).hole["mae"]
  assert mean == pytest.approx((channels - 1) / 2)
  summary = dataset_scores.summarise([row, row])["hole"]
  names = [n for n in summary if dataset_scores.is_in_data_units(n)]
  expected = [f"{e}_of_channel_{i}" for e in ("mae", "rmse") for i in range(99)]
  assert names == [n for n in expected if n in row.hole]
  assert summary["mae_of_channel_3"]["mean"] == 3


@pytest.mark.parametrize(
  ("dtype", "no_data"), [(np.float32, None), (np.int16, -999.0)]
)
def test_what_stands_at_missing_places_changes_no_score(dtype, no_data):
  draw = np.random.default_rng(0)
  values = values_lib.Values(2, ((0.0, 1000.0),) * 2, no_data)
  original, image = draw.uniform(0, 1000, (2, 20, 24, 2)).astype(dtype)
  hole = np.indices((20, 24))[1] < 9
  gap = np.nan if no_data is None else no_data
  missing = draw.uniform(size=(20, 24)) < 0.1
  missing[:6] = True
  rows = []
  for fill in (gap, 0, 900):
    first, second = original.copy(), image.copy()
    first[missing, 0], first[missing, 1], second[missing] = gap, 7 + fill, fill
    rows.append(score_data(second, first, hole, values))
  assert rows[0].hole_fraction == (hole & ~missing).mean()
  assert rows[0] == rows[1] == rows[2]
  known = ~missing
  gaps = np.abs(np.subtract(image, original, dtype=np.float64)) / 10
  for part, scores in ((known, rows[0].whole), (known & hole, rows[0].hole)):
    assert scores["l1"] == pytest.approx(gaps[part].mean(), rel=1e-4)
    assert np.isfinite(list(scores.values())).all()
  # Of pairs with a missing place, none is in the total variation.
  steps = [
    np.abs(np.diff(original.astype(float), axis=axis))
    / 10
    * (known[where] & known[before])[..., None]
    for axis, where, before in (
      (0, np.s_[1:], np.s_[:-1]),
      (1, np.s_[:, 1:], np.s_[:, :-1]),
    )
  ]
  assert rows[0].whole["original_total_variation"] == pytest.approx(
    sum(s.sum() for s in steps) / known.sum() / 2, rel=1e-4
  )


def test_picture_without_any_data_has_no_scores():
  values = values_lib.Values(1, ((0.0, 1.0),))
  image = np.full((16, 16, 1), np.nan, np.float32)
  row = score_data(image, image, np.ones((16, 16), bool), values)
  assert row.whole == row.hole == {}
