"""Two processes of two devices equal one process of four."""

import os
import pathlib
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.training import checkpoint_reader, hosts
from tests import tiny_run

PROGRAM = """
import sys
import jax
photos, workdir, port, processes, process = sys.argv[1:]
if int(processes) > 1:
  from gatedinpaint_jax.training import hosts
  hosts.join(
    coordinator=f"localhost:{port}",
    processes=int(processes),
    process=int(process),
  )
from gatedinpaint_jax import train
from tests import tiny_run
config = tiny_run.config(photos, steps=5, checkpoint_every_steps=5)
# Adam makes whole steps of gradients that are nothing but rounding, whose sums
# differ in their order; 1.3e-5 after five steps with 1e-8.
config.optimizer.eps = 1e-4
train.train_and_evaluate(config, workdir)
assert jax.device_count() == 4
"""


def run(folder, photos, *, processes):
  """Trains five steps on four devices; returns the workdir."""
  with socket.socket() as free:
    free.bind(("localhost", 0))
    port = free.getsockname()[1]
  devices = 4 // processes
  environment = {
    **os.environ,
    "PYTHONPATH": str(pathlib.Path(__file__).parents[1]),
    "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    "JAX_PLATFORMS": "cpu",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
  }
  children = [
    subprocess.Popen(
      [
        sys.executable,
        "-c",
        PROGRAM,
        *map(str, (photos, folder, port, processes, process)),
      ],
      env=environment,
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
    )
    for process in range(processes)
  ]
  outputs = [child.communicate(timeout=300)[0] for child in children]
  assert [child.returncode for child in children] == [0] * processes, outputs
  return folder


def test_two_processes_equal_one(tmp_path):
  photos = tiny_run.write_photos(tmp_path)
  one, two = (
    checkpoint_reader.read(
      run(tmp_path / str(processes), photos, processes=processes),
      with_discriminator=True,
    )
    for processes in (1, 2)
  )
  for tree in ("generator", "discriminator", "spectral"):
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5),
      getattr(two, tree),
      getattr(one, tree),
    )
  # The first one alone tells what happens.
  assert len(list((tmp_path / "2").glob("events.*.v2"))) == 1


def test_processes_that_do_not_find_each_other_are_told(monkeypatch):
  def fail(*_):
    raise ValueError("coordinator_address should be defined.")

  monkeypatch.setattr(jax.distributed, "initialize", fail)
  with pytest.raises(errors.UserError, match="--coordinator=HOST:PORT"):
    hosts.join()
