"""Runs whose losses stop being finite."""

import json

import jax
import numpy as np
import pytest

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors
from gatedinpaint_jax.training import divergence, preemption, train
from gatedinpaint_jax.training import setup as setup_lib
from gatedinpaint_jax.training import step as step_lib
from tests import tiny_run


def break_batches(monkeypatch, is_broken):
  """Makes those batches not a number whose first example `is_broken` names."""

  def change(batch, first_example):
    batch = batch_lib.to_float(batch)
    factor = np.nan if is_broken(first_example) else 1
    return batch._replace(image=factor * batch.image)

  tiny_run.change_batches(monkeypatch, change)


def test_skipped_steps_are_named_and_too_many_in_a_row_send_the_run_back(
  photos, tmp_path, monkeypatch
):
  # Those of step 1, of step 4 and 5, and not that of 6.
  break_batches(monkeypatch, lambda position: position in (0, 24, 32))
  config = tiny_run.config(photos, steps=7, skipped_steps_to_go_back=2)
  with tiny_run.captured_log() as lines:
    state = train.train_and_evaluate(config, tmp_path)
  skipped = [line for line in lines if "skipped, examples" in line]
  assert [line.partition(":")[0] for line in skipped] == [
    "step 1 skipped, examples 0 to 7",
    "step 4 skipped, examples 24 to 31",
    "step 5 skipped, examples 32 to 39",
  ]
  assert "generator_loss is nan" in skipped[0]
  assert any("step 2" in line and "skipped_steps 1" in line for line in lines)
  # Not to 4, which was due to be saved and was skipped.
  assert [line for line in lines if line.startswith("went back")] == [
    "went back to step 2; continuing from example 40"
  ]
  assert (state.step, state.examples_seen) == (7, 80)
  for leaf in jax.tree.leaves(state.generator):
    assert np.isfinite(leaf).all()


@pytest.mark.slow
def test_run_that_is_stopped_among_skipped_steps_goes_back_the_same_way(
  photos, tmp_path, monkeypatch
):
  break_batches(monkeypatch, lambda position: 16 <= position < 40)
  config = tiny_run.config(photos, steps=7, skipped_steps_to_go_back=3)
  expected = train.train_and_evaluate(config, tmp_path / "whole")
  with monkeypatch.context() as patch:
    steps = iter(range(1, 5))
    patch.setattr(preemption.Preemption, "is_due", lambda _: next(steps) == 4)
    state = train.train_and_evaluate(config, tmp_path / "stopped")
  assert state.step == 4
  with tiny_run.captured_log() as lines:
    state = train.train_and_evaluate(config, tmp_path / "stopped")
  assert "resumed at step 4" in lines
  assert "went back to step 2; continuing from example 40" in lines
  jax.tree.map(np.testing.assert_array_equal, state, expected)


@pytest.mark.slow
def test_second_failure_stops_with_what_reproduces_it(
  photos, tmp_path, monkeypatch
):
  break_batches(monkeypatch, lambda position: position >= 16)
  config = tiny_run.config(photos, steps=20, skipped_steps_to_go_back=5)
  with pytest.raises(
    errors.UserError, match=r"generator_loss is nan.* again after going back"
  ):
    train.train_and_evaluate(config, tmp_path)

  folder = tmp_path / divergence.FOLDER
  with np.load(folder / "batch.npz") as arrays:
    batch = batch_lib.Batch(**arrays)
  described = json.loads((folder / "step.json").read_text())
  assert "generator_loss is nan" in described["not_finite"]
  setup = setup_lib.build_setup(config)
  state = tiny_run.restore_state(config, folder)
  step = jax.jit(step_lib.make_train_step(setup))
  _, metrics = step(state, batch)
  assert metrics[step_lib.SKIPPED] == 1
  whole = batch._replace(image=np.zeros_like(batch.image))
  _, metrics = step(state, whole)
  assert metrics[step_lib.SKIPPED] == 0
