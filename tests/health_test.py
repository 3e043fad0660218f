"""Each warning comes in a run that deserves it, once, and in no good one."""

import math

import jax
import pytest

from gatedinpaint_jax.training import devices, health, train
from tests import tiny_run

KINDS = ("batch_size=", "holes cover", "has won", "one colour", "gates of")


def warnings_of(config, workdir):
  """Trains and returns the lines of `health`, whatever their kind."""
  with tiny_run.captured_log() as lines:
    train.train_and_evaluate(config, workdir)
  return [line for line in lines if any(kind in line for kind in KINDS)]


def make_config(photos, change=None, **schedule):
  config = tiny_run.config(photos, **schedule)
  with config.unlocked():
    config.update_from_flattened_dict(change or {})
  return config


def test_good_run_is_not_warned(photos, tmp_path, monkeypatch):
  monkeypatch.setattr(health, "SCORE_GAP_STEPS", 20)
  steps = {"steps": 40, "log_every_steps": 10, "evaluate_every_steps": 20}
  assert warnings_of(make_config(photos, **steps), tmp_path) == []


@pytest.mark.parametrize(
  ("change", "words"),
  [
    (
      {
        "mask.kind": "boxes",
        "mask.boxes.size": (0.9, 0.9),
        "mask.boxes.max_shrink": (0.0, 0.0),
      },
      "holes cover 77% of the pictures; above 50% little",
    ),
    (
      {"model.initializer": "released"},
      "step 4: holes are filled with one colour",
    ),
    (
      # The feature lives, and its gate is driven shut or open in a few steps.
      {"optimizer.generator_learning_rate": 0.5, "loss.adversarial": 0.0},
      "where 0.02 to 0.98 is usual",
    ),
  ],
)
def test_run_that_deserves_it_is_warned_once(photos, tmp_path, change, words):
  config = make_config(
    photos, change, log_every_steps=1, evaluate_every_steps=2
  )
  (line,) = warnings_of(config, tmp_path)
  assert words in line


def test_small_batch_is_told_at_the_beginning(photos, tmp_path, monkeypatch):
  one = lambda make=devices.make_mesh: make(jax.devices()[:1])
  monkeypatch.setattr(devices, "make_mesh", one)
  # Without a discriminator, which takes longest to compile.
  change = {"data.batch_size": 2, "model.discriminator": "none"}
  config = make_config(photos, change, steps=1)
  (line,) = warnings_of(config, tmp_path)
  assert "config.data.batch_size=2: trains badly, take 4 or more" in line


@pytest.mark.slow
def test_discriminator_that_wins_is_told(photos, tmp_path, monkeypatch):
  # Against a generator that stands still; hundreds of steps take minutes here.
  monkeypatch.setattr(health, "MAX_SCORE_GAP", 0.1)
  monkeypatch.setattr(health, "SCORE_GAP_STEPS", 20)
  change = {
    "optimizer.generator_learning_rate": 1e-9,
    "optimizer.discriminator_learning_rate": 1e-3,
  }
  config = make_config(
    photos, change, steps=120, log_every_steps=10, evaluate_every_steps=120
  )
  (line,) = warnings_of(config, tmp_path)
  assert "the discriminator has won" in line


def means(apart, hole=0.3):
  return {
    "adversarial_loss": 0.0,
    "real_score": apart / 2,
    "fake_score": -apart / 2,
    "hole_fraction": hole,
  }


def test_scores_must_be_apart_for_hundreds_of_steps_in_a_row():
  seen = health.Health(batch_size=8, has_hinge=True)
  far, near = (
    means(health.MAX_SCORE_GAP + 0.1),
    means(health.MAX_SCORE_GAP - 0.1),
  )
  with tiny_run.captured_log() as lines:
    seen.check_training(200, far)
    seen.check_training(300, near)
    seen.check_training(500, far)
    assert lines == []
    seen.check_training(600, far)
    seen.check_training(700, far)
  (line,) = lines
  assert "step 600" in line and str(health.MAX_SCORE_GAP) in line


def test_scores_of_other_losses_have_no_size_that_means_anything():
  seen = health.Health(batch_size=8, has_hinge=False)
  with tiny_run.captured_log() as lines:
    seen.check_training(1000, means(100.0))
    seen.check_training(2000, {"hole_fraction": 0.3})  # no discriminator
  assert lines == []


def test_discriminator_that_learns_alone_may_win():
  alone = means(100.0)
  del alone["adversarial_loss"]
  seen = health.Health(batch_size=8, has_hinge=True)
  with tiny_run.captured_log() as lines:
    seen.check_training(1000, alone)
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
