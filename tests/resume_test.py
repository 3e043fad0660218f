"""Runs that stop and go on equal one that never stopped."""

import os
import shutil
import signal

import jax
import numpy as np
import pytest

from gatedinpaint_jax.training import train
from tests import tiny_run

pytestmark = pytest.mark.slow


def config(photos, **schedule):
  return tiny_run.config(
    photos, **{"steps": 8, "log_every_steps": 4} | schedule
  )


@pytest.fixture(scope="module")
def whole(photos, tmp_path_factory):
  """A run that was never stopped: (state, scalars, workdir)."""
  jax.config.update("jax_disable_most_optimizations", True)
  workdir = tmp_path_factory.mktemp("whole")
  state = train.train_and_evaluate(config(photos), workdir)
  return state, tiny_run.read_scalars(workdir), workdir


def assert_equal(state, workdir, whole):
  expected, scalars, _ = whole
  jax.tree.map(np.testing.assert_array_equal, state, expected)
  assert tiny_run.read_scalars(workdir) == scalars


@pytest.mark.parametrize("step", [1, 4])
def test_sigterm_saves_within_the_step(
  photos, tmp_path, monkeypatch, whole, step
):
  def interrupt(batch, first_example):
    if first_example == 8 * (step - 1):
      os.kill(os.getpid(), signal.SIGTERM)
    return batch

  # Saved when it stops and at the end, and at no step between.
  options = config(photos, checkpoint_every_steps=8)
  before = signal.getsignal(signal.SIGTERM)
  with monkeypatch.context() as patch, tiny_run.captured_log() as lines:
    tiny_run.change_batches(patch, interrupt)
    state = train.train_and_evaluate(options, tmp_path)
  assert signal.getsignal(signal.SIGTERM) == before
  # The batch of a step is fetched while the step before it is under way.
  stopped_at = max(1, step - 1)
  assert state.step == stopped_at
  assert (
    f"saved and stopped at step {stopped_at} (SIGTERM); the same command "
    "resumes" in lines
  )
  with tiny_run.captured_log() as lines:
    state = train.train_and_evaluate(options, tmp_path)
  assert f"resumed at step {stopped_at}" in lines
  assert_equal(state, tmp_path, whole)


def test_run_goes_on_on_fewer_and_on_more_devices(
  photos, tmp_path, monkeypatch, whole
):
  expected, _, workdir = whole
  shutil.copytree(workdir, tmp_path, dirs_exist_ok=True)
  for step in (6, 8):
    shutil.rmtree(tmp_path / "checkpoints" / str(step))
  make_mesh = train.devices.make_mesh
  for count, first, last in ((1, 4, 6), (8, 6, 8)):
    mesh = make_mesh(jax.devices()[:count])
    monkeypatch.setattr(train.devices, "make_mesh", lambda mesh=mesh: mesh)
    with tiny_run.captured_log() as lines:
      state = train.train_and_evaluate(config(photos, steps=last), tmp_path)
    assert f"resumed at step {first}" in lines
    assert len(jax.tree.leaves(state.generator)[0].devices()) == count
    assert state.step == last
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4),
    state.generator,
    expected.generator,
  )


def test_run_that_is_over_stays_as_it_is(photos, tmp_path, whole):
  expected, _, workdir = whole
  shutil.copytree(workdir, tmp_path, dirs_exist_ok=True)
  state = train.train_and_evaluate(tiny_run.config(photos, steps=1), tmp_path)
  jax.tree.map(np.testing.assert_array_equal, state, expected)
