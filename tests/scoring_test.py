"""Batches, their order and their number leave no trace in the scores."""

import numpy as np
import pytest

from gatedinpaint_jax.evaluation import cases, frozen_masks, scoring, subjects
from tests import pictures

LOADER = cases.Loader(frozen_masks.MaskSet("free_form", 5))


@pytest.fixture
def work(tmp_path):
  """Ten pictures of two sizes, mixed."""
  for i in range(10):
    size = (24, 32) if i % 3 else (16, 24)
    pictures.write(tmp_path / f"{i}.png", size, seed=i)
  return cases.find(cases.Place("--images", str(tmp_path)))


class Recorder:
  """Fills with a grey that depends on the picture; remembers its batches."""

  def __init__(self):
    self.batches = []
    self.subject = subjects.Subject({}, self)

  def __call__(self, loaded, capacity):
    self.batches.append(([entry.case.index for entry in loaded], capacity))
    assert len({entry.image.shape for entry in loaded}) == 1
    return [
      np.where(entry.hole[..., None], entry.image[0, 0], entry.image)
      for entry in loaded
    ]


def score(work, batch_size, **options):
  recorder = Recorder()
  scorer = scoring.Scorer(LOADER, batch_size, **options)
  completed = scorer.complete(recorder.subject, work)
  return scorer.score(completed), recorder.batches


def test_batch_sizes_give_the_same_result_in_the_order_of_the_pictures(work):
  alone, batches = score(work, 1)
  assert [row.name for row in alone.rows] == [case.name for case in work]
  assert all(capacity == 1 for _, capacity in batches)
  for size in (7, 64):
    together, batches = score(work, size)
    assert together == alone
    assert batches[0] == ([0, 3, 6, 9], 4)
  assert batches[1:] == [([1, 2, 4, 5, 7, 8], 6)]


def test_some_are_completed_as_if_all_were(work):
  recorder = Recorder()
  scorer = scoring.Scorer(LOADER, 4)
  completed = scorer.complete(recorder.subject, work, only=[8, 1])
  assert [entry.case.index for entry in completed] == [1, 8]
  assert recorder.batches == [([1, 8], 4)]


def test_digest_is_that_of_the_masks_in_order(work):
  result, _ = score(work, 4)
  masks = [LOADER.load(case).hole for case in work]
  assert result.mask_digest == frozen_masks.set_digest(
    map(frozen_masks.mask_digest, masks)
  )


def test_further_scores_and_features_see_each_picture_once(work):
  colours = []

  def features(image):
    colours.append(image.shape)
    return image.mean((0, 1))

  result, _ = score(
    work,
    4,
    lpips=lambda image, reference: float(image.shape[0]),
    features=features,
  )
  assert [row.whole["lpips"] for row in result.rows[:3]] == [16, 24, 24]
  assert len(colours) == 20 and result.frechet_distance > 0
  again, _ = score(work, 64, features=features)
  assert again.frechet_distance == result.frechet_distance
