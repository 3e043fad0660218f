"""Which pictures are filled exactly, in windows, or at a smaller size."""

import math

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from gatedinpaint_jax import errors
from gatedinpaint_jax.inference import large_pictures


def hole_of(size, *boxes):
  hole = np.zeros(size, bool)
  for top, left, height, width in boxes:
    hole[top : top + height, left : left + width] = True
  return hole


SMALL = (100, 100, 200, 300)
WIDE = (1000, 500, 700, 2000)


@pytest.mark.parametrize(
  ("size", "boxes", "large", "name", "factors"),
  [
    ((1024, 1024), [SMALL], "auto", "exact", [1]),
    ((1024, 1032), [SMALL], "auto", "crop", [1]),
    ((3000, 4000), [SMALL, (2000, 3000, 400, 400)], "auto", "crop", [1, 1]),
    ((3000, 4000), [WIDE], "auto", "detail", [5]),
    ((3000, 4000), [(0, 0, 3000, 4000)], "auto", "detail", [7]),
    (
      *((3000, 4000), [WIDE, (100, 3000, 200, 200)], "auto"),
      *("crop and detail", [1, 5]),
    ),
    ((3000, 4000), [WIDE], "exact", "exact", [1]),
    ((3000, 4000), [WIDE], "crop", "crop", [1]),
    ((3000, 4000), [SMALL], "detail", "detail", [7]),
    ((512, 512), [SMALL], "detail", "exact", [1]),
    ((512, 520), [SMALL], "detail", "detail", [2]),
    ((300, 500), [SMALL], "crop", "crop", [1]),
    ((3000, 4000), [], "auto", "exact", []),
  ],
)
def test_way_follows_size_and_holes(size, boxes, large, name, factors):
  hole = hole_of(size, *boxes)
  plan = large_pictures.choose(hole, large)
  assert plan.name == name
  assert [part.factor for part in plan.parts] == factors
  assert (plan.reason is None) == (name == "exact")
  count = np.zeros(size, int)
  for part in plan.parts:
    count[part.window] += 1
    most = 1024**2 if part.factor == 1 else 512**2
    if large in ("auto", "detail"):
      assert math.prod(part.size) <= most
  assert count.max(initial=0) <= 1 and (count[hole] == 1).all()


def test_reason_names_the_sizes():
  reason = lambda *args: large_pictures.choose(*args).reason
  hole = hole_of((3000, 4000), SMALL)
  assert reason(hole, "auto") == "4000 x 3000 pixels are more than 1024 x 1024"
  assert reason(hole_of((3000, 4000), WIDE), "auto") == (
    "4000 x 1408 pixels around a hole are more than 1024 x 1024, reduced by 5"
  )
  assert reason(hole, "crop") == "`large`=crop"
  assert reason(hole, "detail") == "`large`=detail, reduced by 7"


@hypothesis.settings(deadline=None, max_examples=100, derandomize=True)
@hypothesis.given(st.integers(1, 20000), st.integers(1, 20000))
def test_reduced_picture_is_the_largest_that_fits(height, width):
  factor = large_pictures._factor((height, width))
  pixels = lambda factor: math.prod(
    -(-side // factor // 8) * 8 for side in (height, width)
  )
  assert pixels(factor) <= 512**2
  assert factor == 1 or pixels(factor - 1) > 512**2


def test_unknown_choice_is_refused():
  with pytest.raises(errors.UserError, match=r"`large`='all': must be one of"):
    large_pictures.check_choice("all", has_attention=True)
