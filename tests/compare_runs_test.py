"""What a comparison says about its runs."""

import json

import pytest

from gatedinpaint_jax import compare_runs
from gatedinpaint_jax.evaluation import comparison
from tests import comparison_test


def page(order):
  method = {
    "trained": True,
    "steps": 7,
    "batch_size": 8,
    "minutes": 1.25,
    "parameters": {"generator": 1234, "discriminator": 0},
  }
  reports = {
    "mean_fill": [comparison_test.UNCLEAR],
    "worse": [comparison_test.WORSE],
    "gated": [comparison_test.GATED],
  }
  return compare_runs.to_markdown(
    {
      "budget": {
        "steps": 7,
        "image_size": [16, 24],
        "pictures": "photos",
        "seeds": [3],
      },
      "images": "others",
      "size": [32, 32],
      "methods": {
        "mean_fill": {"trained": False},
        "worse": method,
        "gated": method,
      },
      "masks": {"free_form": comparison.compare(reports, order=order)},
    }
  )


def test_page_has_a_row_for_each_method_and_says_what_was_found():
  text = page(["gated", "worse", "mean_fill"])
  assert "7 steps with pictures of 16 x 24 from photos, seed 3" in text
  assert "| gated | 1,234 | 0 | 7 | 8 | 1.2 |" in text
  assert "| mean_fill |  |  |  |  |  |" in text
  mean = sum(comparison_test.PICTURES) / 6
  assert f"| gated | {mean:.4g} [" in text
  # What is between percents is no percent.
  assert "relative l1, %" in text and "relative l1, points" in text
  assert "| worse | +1.500 [+1.1" in text and "| gated | +" not in text
  assert "- gated < worse in l1: gated has less than worse by 1.500 [" in text
  assert "] points: the order holds." in text
  assert "- worse < mean_fill in l1: mean_fill minus worse is -1.500 [" in text
  assert "] points, an interval that contains 0" in text
  assert "undecided" in text and "digest `abc`" in text


def test_reversed_order_tells_by_how_much_with_its_sign_turned():
  text = page(["worse", "gated"])
  assert (
    "- worse < gated in l1: worse has more than gated by 1.500 [1.1" in text
  )
  assert "] points: the order is reversed." in text


def test_minutes_of_all_parts_of_a_run_add_up(tmp_path, monkeypatch):
  times = iter([0.0, 90.0, 0.0, 30.0])
  monkeypatch.setattr(compare_runs.time, "monotonic", lambda: next(times))
  path = tmp_path / "minutes.json"
  with compare_runs.timed(path):
    pass
  with pytest.raises(KeyboardInterrupt), compare_runs.timed(path):
    raise KeyboardInterrupt
  assert json.loads(path.read_text()) == 2
