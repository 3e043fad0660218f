"""The baselines train on data of any channels, with missing values."""

import jax
import numpy as np
import pytest

from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.training import setup as setup_lib
from gatedinpaint_jax.training import state as state_lib
from gatedinpaint_jax.training import step
from tests import baselines_test


def make_step(name, channels):
  """Returns functions that create a state and take a step, and a batch."""
  config = baselines_test.make_tiny(name)
  config.model.channels = channels
  setup = setup_lib.build_setup(config)
  create = lambda: state_lib.create_state(
    jax.random.key(0), setup, image_size=(32, 32)
  )
  # The last turn, when both networks learn.
  take_step = step.make_train_step(setup, setup.turn(config.schedule.steps))
  rng = np.random.default_rng(0)
  image = rng.uniform(-1, 1, (4, 32, 32, channels)).astype(np.float32)
  image[:, 4:12, 8:20] = image[-1] = np.nan
  mask = np.zeros((4, 32, 32, 1), np.float32)
  mask[:, 8:24, 10:22] = 1
  return create, take_step, values_lib.to_batch(image, mask)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("name", baselines_test.BASELINES)
def test_baselines_take_any_channels(name, channels):
  create, take_step, batch = make_step(name, channels)
  state = jax.eval_shape(create)
  after, _ = jax.eval_shape(take_step, state, batch)
  assert jax.tree.map(np.shape, after) == jax.tree.map(np.shape, state)


@pytest.mark.slow
@pytest.mark.parametrize("name", baselines_test.BASELINES)
def test_baselines_learn_from_what_is_known(name):
  create, take_step, batch = make_step(name, channels=4)
  state = jax.jit(create)()
  after, metrics = jax.jit(take_step)(state, batch)
  assert metrics["skipped_steps"] == 0
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after))
  moved = lambda network: jax.tree.leaves(
    jax.tree.map(
      lambda a, b: bool((a != b).any()),
      getattr(state, network),
      getattr(after, network),
    )
  )
  assert all(moved("generator"))
  # The biases of Wasserstein scores have no slope.
  assert sum(not x for x in moved("discriminator")) <= 2
