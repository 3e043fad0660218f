"""Each warning comes in a run that deserves it, once, and in no good one."""

import math

import pytest

from gatedinpaint_jax.training import health, train
from tests import tiny_run

KINDS = ("batch_size=", "holes cover", "has won", "one colour", "gates of")


def warnings_of(config, workdir):
  """Trains and returns the lines of `health`, whatever their kind."""
  with tiny_run.captured_log() as lines:
    train.train_and_evaluate(config, workdir)
  return [line for line in lines if any(kind in line for kind in KINDS)]


def make_config(photos, change=None, **schedule):
  # Saved at the end alone, since ten saves take longer than 20 steps.
  config = tiny_run.config(photos, checkpoint_every_steps=1000, **schedule)
  with config.unlocked():
    config.update_from_flattened_dict(change or {})
  return config


@pytest.mark.slow
def test_good_run_is_not_warned(photos, tmp_path, monkeypatch):
  monkeypatch.setattr(health, "SCORE_GAP_STEPS", 10)
  steps = {"steps": 20, "log_every_steps": 5, "evaluate_every_steps": 10}
  assert warnings_of(make_config(photos, **steps), tmp_path) == []


def test_run_that_deserves_them_has_all_warnings_once(
  photos, tmp_path, monkeypatch
):
  # These go wrong late or on one device; here they are wrong at once.
  monkeypatch.setattr(health, "MIN_BATCH_SIZE", 9)
  monkeypatch.setattr(health, "MIN_GATE", 0.9)
  monkeypatch.setattr(health, "MAX_SCORE_GAP", -10)
  monkeypatch.setattr(health, "SCORE_GAP_STEPS", 2)
  change = {
    "mask.kind": "boxes",
    "mask.boxes.size": (0.9, 0.9),
    "mask.boxes.max_shrink": (0.0, 0.0),
    "model.initializer": "released",
  }
  config = make_config(
    photos, change, log_every_steps=1, evaluate_every_steps=2
  )
  lines = warnings_of(config, tmp_path)
  assert "batch_size=8: trains badly, take 9 or more" in lines[0]
  for words in (
    "holes cover 77% of the pictures; above 50% little",
    "step 4: holes are filled with one colour",
    "step 2: the discriminator has won",
    "are all closed, 0.",
  ):
    assert sum(words in line for line in lines) == 1, words
  assert len(lines) == 5


def means(apart, hole=0.3):
  return {
    "adversarial_loss": 0.0,
    "real_score": apart / 2,
    "fake_score": -apart / 2,
    "hole_fraction": hole,
  }


def test_scores_must_be_apart_for_hundreds_of_steps_in_a_row():
  seen = health.Health(batch_size=8, has_hinge=True)
  far, near = (means(health.MAX_SCORE_GAP + by) for by in (0.1, -0.1))
  with tiny_run.captured_log() as lines:
    seen.check_training(200, far)
    seen.check_training(300, near)
    seen.check_training(500, far)
    assert lines == []
    seen.check_training(600, far)
    seen.check_training(700, far)
  (line,) = lines
  assert "step 600" in line and str(health.MAX_SCORE_GAP) in line


@pytest.mark.parametrize(
  ("has_hinge", "missing"),
  [
    (False, ""),  # scores without a scale
    (True, "adversarial_loss"),  # the discriminator learns alone
  ],
)
def test_scores_that_may_be_far_apart(has_hinge, missing):
  seen = health.Health(batch_size=8, has_hinge=has_hinge)
  found = {name: mean for name, mean in means(100.0).items() if name != missing}
  with tiny_run.captured_log() as lines:
    seen.check_training(1000, found)
    seen.check_training(2000, {"hole_fraction": 0.3})  # no discriminator
  assert lines == []


def test_one_flat_validation_is_an_accident():
  flat = {"hole_contrast": 0.0, "original_hole_contrast": 0.2}
  seen = health.Health(batch_size=8, has_hinge=True)
  with tiny_run.captured_log() as lines:
    seen.check_validation(1, flat)
    seen.check_validation(2, flat | {"hole_contrast": 0.1})
    seen.check_validation(3, flat)
    assert lines == []
    seen.check_validation(4, flat)
  assert len(lines) == 1 and "step 4" in lines[0]


def test_gate_that_is_not_a_number_is_no_gate_that_is_open():
  scores = {"hole_contrast": 0.2, "original_hole_contrast": 0.2}
  seen = health.Health(batch_size=8, has_hinge=True)
  with tiny_run.captured_log() as lines:
    seen.check_validation(1, scores | {"gate/coarse.conv1": math.nan})
    assert lines == []
    seen.check_validation(1, scores | {"gate/coarse.conv1": 0.999})
  assert "the gates of coarse.conv1 are all open, 0.999" in lines[0]
