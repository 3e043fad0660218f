"""A run that is killed again and again equals one that was never stopped.

Takes minutes: `python -m pytest -m slow`.
"""

import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from tests import processes, tiny_run

ROOT = pathlib.Path(__file__).parents[1]
KILLS = 20
STEPS = 120
PROGRAM = f"""
import sys
from absl import logging
from gatedinpaint_jax.training import train
from tests import tiny_run
logging.set_verbosity(logging.INFO)
config = tiny_run.config(
  sys.argv[1], steps={STEPS}, log_every_steps=3, evaluate_every_steps=12
)
train.train_and_evaluate(config, sys.argv[2])
"""


def start(photos, workdir, cache, log):
  """Starts the run, or goes on with it, in a process of its own."""
  environment = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "XLA_FLAGS": "",
    "JAX_PLATFORMS": "cpu",
    "JAX_COMPILATION_CACHE_DIR": str(cache),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
  }
  return subprocess.Popen(
    [sys.executable, "-c", PROGRAM, str(photos), str(workdir)],
    env=environment,
    stdout=log,
    stderr=log,
  )


def newest_step(workdir):
  folder = workdir / "checkpoints"
  steps = [int(p.name) for p in folder.glob("*") if p.name.isdecimal()]
  return max(steps, default=0)


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
  whole, killed = tmp_path / "whole", tmp_path / "killed"
  with open(tmp_path / "whole.log", "w") as log:
    assert start(photos, whole, tmp_path / "cache", log).wait() == 0

  chance = random.Random(2018)
  cut_short = 0
  for i in range(KILLS):
    with open(tmp_path / f"{i}.log", "w") as log:
      child = start(photos, killed, tmp_path / "cache", log)
      before = kill_after_progress(child, killed, chance, in_a_save=i % 2 == 1)
    assert newest_step(killed) < STEPS, "killed too late"
    cut_short += bool(list((killed / "checkpoints").glob("*-tmp*")))
    text = (tmp_path / f"{i}.log").read_text()
    if i:
      # It goes on from its checkpoint, and does no step again before that.
      assert f"resumed at step {before}" in text
      reported = [int(s) for s in re.findall(r"step (\d+)  ", text)]
      assert min(reported, default=STEPS) > before > 0
  assert cut_short >= KILLS // 4, "too few kills met a save"
  with open(tmp_path / "last.log", "w") as log:
    assert start(photos, killed, tmp_path / "cache", log).wait() == 0

  config = tiny_run.config(photos)
  expected, found = (
    tiny_run.restore_state(config, workdir) for workdir in (whole, killed)
  )
  assert found.step == STEPS
  jax.tree.map(np.testing.assert_array_equal, found, expected)
  assert tiny_run.read_scalars(killed) == tiny_run.read_scalars(whole)
  assert not list((killed / "checkpoints").glob("*-tmp*"))


@pytest.mark.slow
def test_sigterm_ends_the_program_with_success(tmp_path):
  config = tmp_path / "long.py"
  photos = str(tiny_run.write_photos(tmp_path))
  config.write_text(
    "from tests import tiny_run\n"
    "def get_config():\n"
    f"  return tiny_run.config({photos!r}, steps=10_000)\n"
  )
  started = processes.start(
    tmp_path, config, processes=1, devices=1, cache=tmp_path / "cache"
  )
  workdir = tmp_path / "run"
  wait_for(lambda: newest_step(workdir) > 0, *started)
  started[0].send_signal(signal.SIGTERM)
  assert processes.wait(started, timeout=60) == [0]
  told = processes.log_of(tmp_path, 0).read_text()
  assert f"saved and stopped at step {newest_step(workdir)} (SIGTERM)" in told
