import numpy as np
import pytest

from gatedinpaint_jax.metrics import intervals


def test_interval_of_many_normal_numbers_is_two_standard_errors_wide():
  values = np.random.default_rng(0).normal(3, 2, 400)
  low, high = intervals.confidence_interval(values)
  error = values.std() / np.sqrt(400)
  assert low < values.mean() < high
  assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
  assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_interval_of_several_runs_holds_what_runs_and_pictures_change():
  draw = np.random.default_rng(2)
  pictures, runs = draw.normal(0, 2, 400), draw.normal(0, 1, 30)
  values = pictures + runs[:, None]
  low, high = intervals.confidence_interval(values)
  error = np.sqrt(pictures.var() / 400 + runs.var() / 30)
  assert high - low == pytest.approx(2 * 1.96 * error, rel=0.1)
  low, high = intervals.confidence_interval(values - pictures)
  error = runs.std() / np.sqrt(30)
  assert high - low == pytest.approx(2 * 1.96 * error, rel=0.1)
  same = intervals.confidence_interval([pictures] * 3)
  assert same == pytest.approx(
    intervals.confidence_interval(pictures), abs=0.02
  )
  assert intervals.confidence_interval([[1.5, 1.5], [1.5, 1.5]]) == (1.5, 1.5)
  assert intervals.confidence_interval([[1.0], [2.0]])[0] < 1  # of one picture


@pytest.mark.parametrize(
  ("of_run", "of_picture", "of_both"), [(1, 1, 0.3), (0.3, 1, 0.3), (0, 1, 1)]
)
def test_interval_of_three_runs_holds_the_mean_as_often_as_it_says(
  of_run, of_picture, of_both
):
  draw = np.random.default_rng(3)
  held = []
  for _ in range(400):
    values = of_run * draw.normal(size=(3, 1))
    values = values + of_picture * draw.normal(size=(1, 40))
    values = values + of_both * draw.normal(size=(3, 40))
    low, high = intervals.confidence_interval(values)
    held.append(low < 0 < high)
  assert 0.92 < np.mean(held) < 0.99


def test_interval_is_the_same_in_chunks_of_any_size(monkeypatch):
  values = np.random.default_rng(0).normal(size=10)
  whole = intervals.confidence_interval(values)
  monkeypatch.setattr(intervals, "_CHUNK", 70)
  assert intervals.confidence_interval(values) == whole


def test_one_number_has_no_width():
  assert intervals.confidence_interval([2.5]) == (2.5, 2.5)
