"""Differences are taken in each picture, and verdicts follow their interval."""

import pytest

from gatedinpaint_jax.evaluation import comparison
from gatedinpaint_jax.metrics import dataset_scores

# Pictures differ by tens, methods by ones.
PICTURES = (10.0, 40.0, 20.0, 80.0, 5.0, 60.0)
SCORES = ("relative_l1", "relative_l2", "psnr", "ssim")


def report(errors, digest="abc"):
  rows = [
    dataset_scores.Row(str(i), 0.5, dict.fromkeys(SCORES, error), {"l1": error})
    for i, error in enumerate(errors)
  ]
  return {
    "masks": {"name": "free_form", "seed": 0, "digest": digest},
    "pictures": len(rows),
    "known_pixels_changed": 0,
    "scores": dataset_scores.summarise(rows),
    "rows": [row._asdict() for row in rows],
  }


def shifted(*by):
  return report([p + b for p, b in zip(PICTURES, by, strict=True)])


GATED = report(PICTURES)
WORSE = shifted(1, 2, 1, 2, 1, 2)
UNCLEAR = shifted(3, -3, 3, -3, 3, -3)


def test_difference_between_methods_is_seen_below_that_between_pictures():
  scores = [
    report["scores"]["whole"]["relative_l1"] for report in (GATED, WORSE)
  ]
  assert scores[0]["high"] > scores[1]["low"]  # the means alone tell nothing
  found = comparison.difference([WORSE], [GATED])
  assert found["whole"]["relative_l1"]["mean"] == pytest.approx(1.5)
  assert 1 <= found["whole"]["relative_l1"]["low"] < 1.5
  assert found["hole"]["l1"]["mean"] == pytest.approx(1.5)


def test_order_holds_is_undecided_or_is_reversed():
  reports = {"worse": [WORSE], "gated": [GATED], "unclear": [UNCLEAR]}

  def verdicts(*order):
    compared = comparison.compare(reports, order=order)
    return [
      (pair["less"], pair["more"], pair["verdict"])
      for pair in compared["order"]
    ]

  assert verdicts("gated", "worse") == [("gated", "worse", "holds")]
  assert verdicts("worse", "gated", "unclear") == [
    ("worse", "gated", "reversed"),
    ("gated", "unclear", "undecided"),
  ]
  assert verdicts("gated") == []


def test_seeds_widen_the_interval_by_what_they_change():
  # On average as much worse as WORSE, by the seed from 0 to 3.
  other = [shifted(*[by] * 6) for by in (0, 1.5, 3)]
  same = comparison.difference([WORSE] * 3, [GATED] * 3)
  several = comparison.difference(other, [GATED])
  of_same, found = (d["whole"]["relative_l1"] for d in (same, several))
  assert found["mean"] == pytest.approx(of_same["mean"])
  assert found["low"] < 0 < of_same["low"]
  compared = comparison.compare(
    {"gated": [GATED], "other": other}, order=["gated", "other"]
  )
  assert compared["scores"]["gated"] == GATED["scores"]
  mean = compared["scores"]["other"]["whole"]["relative_l1"]["mean"]
  assert mean == pytest.approx(sum(PICTURES) / 6 + 1.5)


def test_order_is_judged_by_lpips_too_where_all_have_it():
  with_lpips = [
    dict(r, rows=[dict(w, whole=w["whole"] | {"lpips": x}) for w in r["rows"]])
    for r, x in ((GATED, 0.2), (WORSE, 0.1))
  ]
  reports = {"gated": with_lpips[:1], "worse": with_lpips[1:]}
  judged = comparison.compare(reports, order=["gated", "worse"])["order"]
  assert [(pair["score"], pair["verdict"]) for pair in judged] == [
    ("relative_l1", "holds"),
    ("lpips", "reversed"),
  ]


def test_reports_of_other_masks_are_no_comparison():
  with pytest.raises(ValueError, match="different masks"):
    other = report(PICTURES, digest="def")
    comparison.compare({"a": [GATED], "b": [other]}, order=["a"])


@pytest.mark.parametrize(
  ("low", "high", "verdict"),
  [
    (0.1, 0.2, "holds"),
    (0.0, 0.2, "undecided"),
    (-0.2, 0.0, "undecided"),
    (-0.2, -0.1, "reversed"),
    (None, None, "undecided"),
  ],
)
def test_an_interval_that_touches_zero_decides_nothing(low, high, verdict):
  assert comparison.verdict(low, high) == verdict
