"""A run of two processes, and what happens when something happens to one.

Takes minutes: `python -m pytest -m slow`.
"""

import functools
import json
import signal
import time

import filelock
import jax
import numpy as np
import pytest

from gatedinpaint_jax.training import checkpoints, setup
from gatedinpaint_jax.training import state as state_lib
from tests import processes, tiny_run

STEPS = 30
# Adam makes whole steps of gradients that are nothing but rounding, whose sums
# differ in their order; 1.3e-5 after five steps with 1e-8.
EPS = "--config.optimizer.eps=1e-4"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
  """The folder of a run of two processes to which nothing happened.

  It begins with imported weights, as that of `import_weights` does.
  """
  folder = tmp_path_factory.mktemp("whole")
  photos = tiny_run.write_photos(folder)
  tiny_run.write_config(
    folder,
    photos,
    steps=STEPS,
    checkpoint_every_steps=5,
    evaluate_every_steps=STEPS,
    keep_checkpoints=100,
  )
  import_weights(folder)
  started = start(folder, folder)
  assert processes.wait(started) == [0, 0], read_log(folder, 0)
  return folder


@functools.cache
def weights():
  """Returns the model of `tiny_run` and weights that its runs do not draw."""
  config = tiny_run.config("unused")
  of_runs = setup.build_setup(config)
  create = lambda key: state_lib.create_state(key, of_runs, image_size=(16, 16))
  state = jax.device_get(jax.jit(create)(jax.random.key(1)))
  names = ("generator", "discriminator", "spectral")
  return config.model.to_dict(), {name: getattr(state, name) for name in names}


def import_weights(folder):
  """Lets the run in a folder begin with weights from elsewhere."""
  model, trees = weights()
  with checkpoints.Checkpoints(folder / "run", keep=1) as store:
    store.save_imported(trees, {"model": model, "imported_from": "elsewhere"})


def read_log(folder, process):
  return processes.log_of(folder, process).read_text()


def assert_both_say(words, folder):
  for process in (0, 1):
    assert words in read_log(folder, process)


def start(folder, whole, *flags, **options):
  """Starts the run in a new folder, or goes on with it."""
  options = {"processes": 2, "devices": 2, "flags": (EPS, *flags)} | options
  return processes.start(folder, whole / "tiny.py", **options)


def newest_step(folder):
  return tiny_run.newest_step(folder / "run")


def wait_for_steps_after_a_save(folder, started):
  before, deadline = newest_step(folder), time.monotonic() + 300
  while newest_step(folder) == before:
    if any(p.poll() is not None for p in started) or (
      time.monotonic() > deadline
    ):
      processes.kill(started)
      pytest.fail("\n".join(read_log(folder, i) for i in (0, 1)))
    time.sleep(0.01)
  time.sleep(0.5)


def expect_the_end(folder, started, *, left):
  """Waits until the process that is left ends too, which it explains."""
  # The network tells at once, or JAX's heartbeat after 100 seconds at most.
  code = processes.wait(started, timeout=150)[left]
  told = read_log(folder, left)
  if code == 1:
    (line,) = [x for x in told.splitlines() if x.startswith("error: ")]
    assert f"process {left} of 2 cannot continue" in line
    assert "Traceback" not in told
  else:
    assert code == -signal.SIGABRT
    assert "This most likely indicates that another task died" in told


def test_two_processes_go_on_with_imported_weights_as_one(tmp_path, whole):
  assert "starting from the weights imported" in read_log(whole, 0)
  import_weights(tmp_path)
  started = start(
    *(tmp_path, whole, "--config.schedule.steps=5"), processes=1, devices=4
  )
  assert processes.wait(started) == [0], read_log(tmp_path, 0)
  config = tiny_run.config(whole / "photos.npz")
  two, one = (
    tiny_run.restore_state(config, folder / "run", step=5)
    for folder in (whole, tmp_path)
  )
  assert two.step == one.step == 5
  assert two.examples_seen == one.examples_seen == 40
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(
      a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max()
    ),
    two,
    one,
  )
  # The first one alone tells what happens.
  assert len(list((whole / "run").glob("events.*.v2"))) == 1


def test_run_survives_a_kill_and_a_preemption_of_one_process(tmp_path, whole):
  import_weights(tmp_path)
  started = start(tmp_path, whole)
  wait_for_steps_after_a_save(tmp_path, started)
  started[1].send_signal(signal.SIGKILL)
  expect_the_end(tmp_path, started, left=0)

  first = newest_step(tmp_path)
  started = start(tmp_path, whole)
  wait_for_steps_after_a_save(tmp_path, started)
  started[1].send_signal(signal.SIGTERM)
  assert processes.wait(started) == [0, 0]
  told = read_log(tmp_path, 0)
  assert f"resumed at step {first}" in told
  second = newest_step(tmp_path)
  assert first < second < STEPS
  assert f"saved and stopped at step {second}" in told

  assert processes.wait(start(tmp_path, whole)) == [0, 0]
  assert_both_say(f"resumed at step {second}", tmp_path)
  config = tiny_run.config(whole / "photos.npz")
  expected, found = (
    tiny_run.restore_state(config, folder / "run")
    for folder in (whole, tmp_path)
  )
  jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_loss_of_the_first_process_ends_the_others(tmp_path, whole):
  started = start(tmp_path, whole)
  wait_for_steps_after_a_save(tmp_path, started)
  started[0].send_signal(signal.SIGKILL)
  expect_the_end(tmp_path, started, left=1)


def test_refused_run_ends_in_all_processes(tmp_path, whole):
  (tmp_path / "run").mkdir()
  with filelock.FileLock(tmp_path / "run" / "lock"):
    assert processes.wait(start(tmp_path, whole), timeout=100) == [2, 2]
  assert_both_say("another run is writing", tmp_path)


def test_different_configs_end_both(tmp_path, whole):
  started = start(tmp_path, whole, of_last=["--config.loss.l1_coarse=2.0"])
  assert processes.wait(started, timeout=100) == [2, 2]
  assert_both_say("give the same config and flags", tmp_path)


def test_run_that_diverges_leaves_the_whole_batch(tmp_path, whole):
  rate = "--config.optimizer.generator_learning_rate=10"
  skipped = "--config.schedule.skipped_steps_to_go_back=2"
  started = start(tmp_path, whole, rate, skipped)
  assert processes.wait(started, timeout=200) == [2, 2], read_log(tmp_path, 0)
  assert_both_say("generator_update_norm is nan", tmp_path)
  left = tmp_path / "run" / "not_finite"
  assert np.load(left / "batch.npz")["image"].shape == (8, 16, 16, 3)
  assert json.loads((left / "step.json").read_text())["step"] == 3
  assert (left / "checkpoints").is_dir()
