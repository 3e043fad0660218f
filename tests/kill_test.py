"""A run that is killed again and again equals one that was never stopped.

Takes minutes: `python -m pytest -m slow`.
"""

import random
import re
import signal
import time

import jax
import numpy as np
import pytest

from tests import processes, tiny_run
from tests.tiny_run import newest_step

KILLS = 6
STEPS = 48


def wait_for(condition, child):
  deadline = time.monotonic() + 300
  while not condition():
    assert child.poll() is None, "ended by itself"
    assert time.monotonic() < deadline
    time.sleep(0.001)


def kill_after_progress(child, workdir, chance, *, in_a_save):
  """Kills a run once it has saved, at a random moment or during a save."""
  before = newest_step(workdir)
  wait_for(lambda: newest_step(workdir) > before, child)
  time.sleep(chance.uniform(0, 0.1))
  if in_a_save:
    unfinished = (workdir / "checkpoints").glob
    wait_for(lambda: any(unfinished("*.orbax-checkpoint-tmp*")), child)
  child.send_signal(signal.SIGKILL)
  child.wait()
  return before


@pytest.mark.slow
def test_killed_run_ends_with_the_bits_of_one_that_was_not(tmp_path):
  photos = tiny_run.write_photos(tmp_path)
  config = tiny_run.write_config(
    tmp_path, photos, steps=STEPS, log_every_steps=3, evaluate_every_steps=12
  )
  for name in ("whole", "killed"):
    (tmp_path / name).mkdir()
  # Its saves would take longer than its steps.
  flags = [f"--config.schedule.checkpoint_every_steps={STEPS}"]
  (child,) = processes.start(tmp_path / "whole", config, flags=flags)
  assert child.wait() == 0

  chance = random.Random(2018)
  whole, killed = tmp_path / "whole" / "run", tmp_path / "killed" / "run"
  cut_short = 0
  for i in range(KILLS):
    (child,) = processes.start(tmp_path / "killed", config)
    before = kill_after_progress(child, killed, chance, in_a_save=i % 2 == 1)
    assert newest_step(killed) < STEPS, "killed too late"
    cut_short += bool(list((killed / "checkpoints").glob("*-tmp*")))
    text = processes.log_of(tmp_path / "killed", 0).read_text()
    if i:
      # It goes on from its checkpoint, and does no step again before that.
      assert f"resumed at step {before}" in text
      reported = [int(s) for s in re.findall(r"step (\d+)  ", text)]
      assert min(reported, default=STEPS) > before > 0
  assert cut_short >= KILLS // 4, "too few kills met a save"
  (child,) = processes.start(tmp_path / "killed", config)
  assert child.wait() == 0

  expected, found = (
    tiny_run.restore_state(tiny_run.config(photos), workdir)
    for workdir in (whole, killed)
  )
  assert found.step == STEPS
  jax.tree.map(np.testing.assert_array_equal, found, expected)
  assert tiny_run.read_scalars(killed) == tiny_run.read_scalars(whole)
  assert not list((killed / "checkpoints").glob("*-tmp*"))
