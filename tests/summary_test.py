"""Means and intervals of a study, from ratings that are known."""

import numpy as np
import pytest

from gatedinpaint_jax.study import answers as study_answers
from gatedinpaint_jax.study import summary as study_summary


def summarise(ratings, *, replaced=0):
  """Summarises `{method: [raters, cases]}`, in which 0 is no rating."""
  cases = np.asarray(next(iter(ratings.values()))).shape[1]
  pictures = {
    f"{method}{case}": (method, f"case {case}")
    for method in ratings
    for case in range(cases)
  }
  given = {
    (f"rater {rater}", f"{method}{case}"): study_answers.Answer(
      int(rating), 1.0
    )
    for method, table in ratings.items()
    for (rater, case), rating in np.ndenumerate(np.asarray(table))
    if rating
  }
  return study_summary.summarise(
    study_answers.Answers(given, replaced),
    study_answers.Key("s1", "Faces", pictures),
  )


def ratings(generator, *, mean, raters, cases):
  """Returns what raters and cases, each high or low as a whole, add up to."""
  of_rater = generator.normal(0, 1, (raters, 1))
  of_case = generator.normal(0, 1, (1, cases))
  of_both = generator.normal(0, 1, (raters, cases))
  return np.clip(np.round(mean + of_rater + of_case + of_both), 1, 10)


def test_means_are_of_the_methods_from_best_to_worst():
  summary = summarise({"a": [[1, 2], [3, 2]], "b": [[9, 8], [10, 9]]})
  assert list(summary["methods"]) == ["b", "a"]
  assert [of["mean"] for of in summary["methods"].values()] == [9, 2]
  assert summary["methods"]["a"]["ratings"] == 4
  assert summary["methods"]["a"]["raters"] == 2
  assert (summary["ratings"], summary["of_ratings"]) == (8, 8)


def test_difference_is_of_the_same_rater_and_case():
  # Of rater 0 both are there for case 0 alone, of rater 1 for none.
  summary = summarise({"a": [[9, 9], [1, 0]], "b": [[7, 0], [0, 2]]})
  (difference,) = summary["differences"]
  found = [difference[key] for key in ("first", "second", "mean", "pairs")]
  assert found == ["a", "b", 2, 1]


def test_severe_raters_and_hard_cases_do_not_blur_a_difference():
  generator = np.random.default_rng(0)
  table = ratings(generator, mean=5, raters=12, cases=10)
  summary = summarise(
    {"a": np.minimum(table, 8) + 1, "b": np.minimum(table, 8)}
  )
  (difference,) = summary["differences"]
  assert difference["low"] == difference["mean"] == difference["high"] == 1
  entry = summary["methods"]["a"]
  assert entry["high"] - entry["low"] > 0.5


@pytest.mark.parametrize("shape", [(12, 10), (1, 10), (12, 1)])
def test_interval_is_about_as_wide_as_means_of_other_samples_scatter(shape):
  raters, cases = shape
  generator = np.random.default_rng(0)
  tables = [
    ratings(generator, mean=5.5, raters=raters, cases=cases) for _ in range(100)
  ]
  widths = []
  for table in tables[:20]:
    entry = summarise({"a": table})["methods"]["a"]
    assert entry["low"] < entry["mean"] < entry["high"]
    widths.append(entry["high"] - entry["low"])
  # What is there once, one rater or one case, is not drawn again.
  drawn = (raters > 1) / raters + (cases > 1) / cases + 1 / (raters * cases)
  expected = 2 * 1.96 * np.sqrt(drawn)
  assert 0.7 < np.mean(widths) / expected < 1.4


def test_one_rater_and_one_case_have_no_interval():
  summary = summarise({"a": [[5]], "b": [[4]]})
  assert summary["methods"]["a"]["low"] is None
  assert "no intervals" in study_summary.to_markdown(summary)
  assert "None" not in study_summary.to_markdown(summary)


def test_method_without_a_rating_has_an_empty_cell_and_comes_last():
  text = study_summary.to_markdown(summarise({"a": [[0, 0]], "b": [[4, 6]]}))
  assert text.index("| b | 5.00") < text.index("| a |  | 0 | 0 |")
  assert "| b - a |  | 0 |  |" in text


def test_table_says_what_was_drawn_and_which_difference_is_decided():
  generator = np.random.default_rng(0)
  even = ratings(generator, mean=5, raters=6, cases=8)
  summary = summarise(
    {
      "a": even,
      "b": ratings(generator, mean=5, raters=6, cases=8),
      "c": np.full((6, 8), 10),
    }
  )
  text = study_summary.to_markdown(summary)
  assert "of a bootstrap over raters and cases" in text
  assert "fewer than 10 raters" in text
  assert "fewer than 10 cases" in text
  assert text.count("c is better") == 2
  assert text.count("undecided") == 1


def test_only_one_rater_and_replaced_ratings_are_told():
  text = study_summary.to_markdown(summarise({"a": [[1, 2, 9]]}))
  assert "of a bootstrap over cases" in text
  assert "A single rater says nothing about others" in text
  assert "Replaced" not in text
  summary = summarise({"a": [[1, 2]]}, replaced=3)
  assert "same rater and picture: 3." in study_summary.to_markdown(summary)


def test_raters_are_described():
  raters = summarise({"a": [[3, 4], [9, 0]]})["raters"]
  assert raters == {
    "rater 0": {"ratings": 2, "mean": 3.5, "median_seconds": 1},
    "rater 1": {"ratings": 1, "mean": 9, "median_seconds": 1},
  }
