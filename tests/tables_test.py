import pytest

from gatedinpaint_jax.evaluation import tables


def summary(mean, low, high, pictures=3, of_pictures=3):
  return {
    "mean": mean,
    "low": low,
    "high": high,
    "pictures": pictures,
    "of_pictures": of_pictures,
  }


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
  assert tables.number(value, signed=signed) == text


def test_flipped_interval_has_its_low_end_first():
  assert tables.interval(summary(2, 1, 4)) == "2.000 [1.000, 4.000]"
  flipped = tables.interval(summary(2, 1, 4), flip=True)
  assert flipped == "-2.000 [-4.000, -1.000]"


def test_cell_says_of_how_many_pictures_it_is():
  cell = tables.counted(summary(2, 1, 4, pictures=2))
  assert cell == "2.000 [1.000, 4.000] (2 of 3)"
  nothing = summary(None, None, None, pictures=0)
  assert tables.counted(nothing) == "(0 of 3)"
  assert tables.counted(None) == ""


def test_table_has_the_scores_that_any_has_and_further_columns():
  scores = {
    "a|b": {"whole": {"psnr": summary(20, 19, 21)}},
    "c": {"whole": {"relative_l1": summary(3, 2, 4)}},
  }
  lines = tables.by_name(
    scores, "whole", corner="x", last={"FID": {"a|b": "7", "c": "8"}}
  )
  assert lines == [
    "| x | relative l1, % | PSNR, dB | FID |",
    "|---|---|---|---|",
    r"| a\|b |  | 20.00 [19.00, 21.00] | 7 |",
    "| c | 3.000 [2.000, 4.000] |  | 8 |",
  ]
  lines = tables.by_name(scores, "whole", corner="x", of_difference=True)
  assert lines[0] == "| x | relative l1, points | PSNR, dB |"
  assert "+20.00 [+19.00, +21.00]" in lines[2]
