"""Frozen masks: hashes here never change, or old reports lose their meaning."""

import math

import numpy as np
import pytest

from gatedinpaint_jax.data import hole_shapes
from gatedinpaint_jax.evaluation import frozen_masks
from tests import processes

# Of twelve masks of seed 0.
PINNED = {
  ("free_form", 256, 256): "e588146ba2781c62",
  ("free_form", 96, 64): "6ac6926f7df75946",
  ("rectangle", 256, 256): "a8b78c5ded292da9",
  ("rectangle", 96, 64): "40219be652988152",
}


def masks(kind, height, width, *, seed=0, count=12):
  mask_set = frozen_masks.MaskSet(kind, seed)
  return [mask_set.mask(i, height, width) for i in range(count)]


def digest(found):
  return frozen_masks.set_digest(map(frozen_masks.mask_digest, found))


@pytest.mark.parametrize("case", PINNED)
def test_pixels_are_those_of_every_machine(case):
  assert digest(masks(*case)) == PINNED[case]


@pytest.mark.parametrize("kind", frozen_masks.KINDS)
@pytest.mark.parametrize("size", [(256, 256), (40, 60)])
def test_six_masks_in_a_row_reach_all_bins(kind, size):
  fractions = [100 * mask.mean() for mask in masks(kind, *size, count=36)]
  for i, fraction in enumerate(fractions):
    low, high = frozen_masks.BINS[i % 6]
    assert low <= fraction < high
  assert min(fractions) > 0


@pytest.mark.parametrize("kind", frozen_masks.KINDS)
def test_seeds_and_indices_give_different_masks(kind):
  found = masks(kind, 64, 64) + masks(kind, 64, 64, seed=1)
  assert len(set(map(frozen_masks.mask_digest, found))) == len(found)


@pytest.mark.parametrize("kind", frozen_masks.KINDS)
@pytest.mark.parametrize("size", [(1, 1), (1, 50), (8, 8), (3, 700)])
def test_any_size_has_a_hole(kind, size):
  for mask in masks(kind, *size):
    assert mask.shape == size and mask.any()


def test_table_of_cosines_is_far_from_ties():
  # A processor's cosine may be off in its last bit, 1e-16.
  exact = [2**16 * math.cos(2 * math.pi * i / 720) for i in range(720)]
  assert min(abs(x % 1 - 0.5) for x in exact) > 1e-3


def test_strokes_are_those_of_training():
  strokes = hole_shapes.Strokes()
  assert frozen_masks.VERTICES == strokes.vertices
  one = 2**16
  fractions = (*strokes.brush_width, strokes.mean_step)
  ours = (*frozen_masks.BRUSH_WIDTH, frozen_masks.MEAN_STEP)
  np.testing.assert_allclose(ours, one * np.array(fractions), atol=0.5)
  deviation = one * strokes.mean_step * hole_shapes.STEP_DEVIATION
  assert abs(frozen_masks.STEP_DEVIATION - deviation) < 0.5
  half_degree = math.pi / 360
  assert frozen_masks.MEAN_ANGLE * half_degree == pytest.approx(
    strokes.mean_angle
  )
  assert frozen_masks.ANGLE_RANGE * half_degree == pytest.approx(
    strokes.angle_range
  )


def test_digest_tells_size_number_and_order_apart():
  wide, high = np.zeros((2, 4), bool), np.zeros((4, 2), bool)
  rows = [wide], [high], [wide, wide], [wide, high], [high, wide]
  assert len({digest(row) for row in rows}) == len(rows)


def test_masks_need_neither_jax_nor_tensorflow():
  program = (
    "import sys\n"
    "from gatedinpaint_jax.evaluation import frozen_masks\n"
    "sys.exit(', '.join({'jax', 'tensorflow', 'PIL'} & set(sys.modules)))\n"
  )
  assert not processes.run("-c", program).stderr.strip()
