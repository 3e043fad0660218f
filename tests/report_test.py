"""The tables of an evaluation, as a person reads them."""

import math

import pytest

from gatedinpaint_jax.evaluation import report, scoring
from gatedinpaint_jax.metrics import dataset_scores


def build(*pictures, frechet_distance=None):
  """A report of pictures of (hole fraction, PSNR), the second also in the hole.

  A hole fraction of 0 has no scores in the hole.
  """
  rows = [
    dataset_scores.Row(
      str(i), fraction, {"psnr": psnr}, {"psnr": psnr} if fraction else {}
    )
    for i, (fraction, psnr) in enumerate(pictures)
  ]
  return report.build(
    scoring.Result(rows, "0123", 0, frechet_distance),
    version="1",
    description={"method": "mean_fill"},
    images="photos",
    masks={"name": "masks"},
    size=None,
  )


def table(content):
  """The cells of all rows, by what is in the first one."""
  lines = report.to_markdown(content).splitlines()
  rows = [line[2:-2].split(" | ") for line in lines if line.startswith("| ")]
  return {row[0]: row[1:] for row in rows}


def test_pictures_without_a_finite_score_or_a_hole_are_counted():
  content = build((0.1, 20.0), (0.1, math.inf), (0.1, 20.0))
  cell = "20.00 [20.00, 20.00] (2 of 3)"
  assert table(content)["PSNR, dB"] == [cell, cell]
  assert table(content)["10-20 %"] == ["3", cell]
  assert "(n of N): the mean is over n" in report.to_markdown(content)
  score = content["scores"]["whole"]["psnr"]
  assert (score["pictures"], score["of_pictures"]) == (2, 3)
  whole, hole = table(build((0.1, 20.0), (0.0, 30.0)))["PSNR, dB"]
  assert "of" not in whole and hole.endswith(" (1 of 2)")
  assert table(build((0.1, math.inf)))["PSNR, dB"] == ["(0 of 1)", "(0 of 1)"]
  assert " of N" not in report.to_markdown(build((0.1, 20.0), (0.2, 30.0)))


def test_large_holes_have_a_bin_if_there_are_any():
  assert list(table(build((0.1, 20.0), (0.59, 20.0))))[-2:] == [
    "10-20 %",
    "50-60 %",
  ]
  found = table(build((0.1, 20.0), (0.6, 20.0), (1.0, 30.0)))
  assert list(found)[-2:] == ["10-20 %", "60-100 %"]
  assert found["60-100 %"] == ["2", "25.00 [20.00, 30.00]"]


def test_frechet_distance_of_few_pictures_has_a_note_with_their_number():
  content = build(*[(0.1, 20.0)] * 2048, frechet_distance=3.0)
  note = content["fid"]["note"]
  assert "of 2048 pictures" in note and "fewer than 2049" in note
  assert note in report.to_markdown(content).splitlines()
  content = build(*[(0.1, 20.0)] * 2049, frechet_distance=3.0)
  assert content["fid"]["note"] is None and content["fid"]["value"] == 3
  assert "fewer than" not in report.to_markdown(content)


def summary(mean, low, high):
  counts = {"pictures": 3, "of_pictures": 3}
  return {"mean": mean, "low": low, "high": high, **counts}


@pytest.mark.parametrize(
  ("value", "signed", "text"),
  [
    (12345.6, False, "1.235e+04"),
    (1234.4, False, "1234"),
    (1.5, True, "+1.500"),
    (-0.25, True, "-0.2500"),
    (0.0, False, "0.000"),
  ],
)
def test_numbers_have_four_digits(value, signed, text):
  assert report.format_number(value, signed=signed) == text


def test_flipped_interval_has_its_low_end_first():
  assert report.format_interval(summary(2, 1, 4)) == "2.000 [1.000, 4.000]"
  flipped = report.format_interval(summary(2, 1, 4), flip=True)
  assert flipped == "-2.000 [-4.000, -1.000]"


def test_table_has_the_scores_that_any_has():
  scores = {
    "a|b": {"whole": {"psnr": summary(20, 19, 21)}},
    "c": {"whole": {"relative_l1": summary(3, 2, 4)}},
  }
  table = report.score_table(scores, "whole", corner="x")
  assert table.splitlines() == [
    "| x | relative l1, % | PSNR, dB |",
    "|---|---|---|",
    r"| a\|b |  | 20.00 [19.00, 21.00] |",
    "| c | 3.000 [2.000, 4.000] |  |",
  ]
  table = report.score_table(scores, "whole", corner="x", are_differences=True)
  lines = table.splitlines()
  assert lines[0] == "| x | relative l1, points | PSNR, dB |"
  assert "+20.00 [+19.00, +21.00]" in lines[2]
