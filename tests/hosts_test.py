"""Two processes of two devices equal one process of four."""

import jax
import numpy as np
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.training import hosts
from tests import processes, tiny_run

# Adam makes whole steps of gradients that are nothing but rounding, whose sums
# differ in their order; 1.3e-5 after five steps with 1e-8.
EPS = "--config.optimizer.eps=1e-4"


def run(folder, config, *, count):
  """Trains five steps on four devices in `count` processes."""
  folder.mkdir()
  started = processes.start(
    folder,
    config,
    processes=count,
    devices=4 // count,
    flags=[EPS],
  )
  assert processes.wait(started) == [0] * count, [
    processes.log_of(folder, i).read_text() for i in range(count)
  ]
  photos = folder.parent / "photos.npz"
  return tiny_run.restore_state(tiny_run.config(photos), folder / "run")


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path):
  photos = tiny_run.write_photos(tmp_path)
  config = tiny_run.write_config(
    tmp_path, photos, steps=5, checkpoint_every_steps=5
  )
  one, two = (
    run(tmp_path / str(count), config, count=count) for count in (1, 2)
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
  assert len(list((tmp_path / "2/run").glob("events.*.v2"))) == 1


def test_processes_that_do_not_find_each_other_are_told(monkeypatch):
  def fail(*_):
    raise ValueError("coordinator_address should be defined.")

  monkeypatch.setattr(jax.distributed, "initialize", fail)
  with pytest.raises(errors.UserError, match="`coordinator`=HOST:PORT"):
    hosts.join()
