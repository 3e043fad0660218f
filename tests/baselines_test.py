"""The configs of the paper's comparison: their size, and that they train.

They train on what is hardest: data of four channels with missing values.
"""

import importlib

import jax
import numpy as np
import pytest

import gatedinpaint_jax
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.training import setup as setup_lib
from gatedinpaint_jax.training import state as state_lib
from gatedinpaint_jax.training import step, train
from tests import tiny_run, train_other_data_test

# Parameters of the generator that are learned, and of the discriminator. Those
# of places2 are in the released program, and its paper says 4.1 million; all
# others are our own counts, compared with nobody's.
PARAMETERS = {
  "places2": (4_052_478, 5_946_816),
  "vanilla_conv": (3_598_342, 5_946_816),
  "partial_conv": (3_598_342, 0),
  "partial_conv_gan": (3_598_342, 5_946_816),
  "deepfill_v1": (3_598_342, 7_072_770),
  "global_local": (6_072_131, 45_063_681),
}
# So many that each network has its turn.
STEPS = 5
SAVED = 2  # before the discriminator has learned, or both have
DATA = train_other_data_test.Kind(
  4, np.float32, {"value_range": ((0, 1), (0, 1), (-1, 1), (270, 310))}
)
BASELINES = sorted(PARAMETERS.keys() - {"places2"})


def get_config(name):
  return importlib.import_module(f"configs.{name}").get_config()


@pytest.mark.parametrize("name", PARAMETERS)
def test_numbers_of_parameters_are_the_pinned_ones(name):
  setup = setup_lib.build_setup(get_config(name))
  create = lambda key: state_lib.create_state(key, setup, image_size=(256, 256))
  state = jax.eval_shape(create, jax.random.key(0))
  networks = (state.generator, state.discriminator)
  assert tuple(map(state_lib.count_parameters, networks)) == PARAMETERS[name]


def make_tiny(name, path="unused", channels=4):
  """Returns a baseline's config on small pictures of `DATA`, in seconds."""
  config = get_config(name)
  config.data.update(
    source="arrays", path=str(path), image_size=(16, 16), batch_size=8
  )
  config.data.update(DATA.data)
  config.model.update(width=4, discriminator_width=None, channels=channels)
  config.optimizer.average_decay = 0.5
  if config.schedule.completion_steps:
    config.schedule.update(completion_steps=2, discriminator_steps=2)
  config.schedule.update(
    steps=STEPS,
    log_every_steps=STEPS,
    evaluate_every_steps=STEPS,
    checkpoint_every_steps=SAVED,
  )
  config.evaluation.pictures = 0
  return config


@pytest.mark.slow
@pytest.mark.parametrize("name", BASELINES)
def test_baseline_takes_a_grey_channel(name):
  config = make_tiny(name, channels=1)
  setup = setup_lib.build_setup(config)
  create = lambda key: state_lib.create_state(key, setup, image_size=(16, 16))
  state = jax.eval_shape(create, jax.random.key(0))
  # The last turn, when both networks learn.
  take_step = step.make_train_step(setup, setup.turn(STEPS))
  picture, hole = np.zeros((4, 16, 16, 1), "f"), np.ones((4, 16, 16, 1), "f")
  picture[:, 4:8] = np.nan
  batch = values_lib.to_batch(picture, hole)
  after, _ = jax.eval_shape(take_step, state, batch)
  assert jax.tree.map(np.shape, after) == jax.tree.map(np.shape, state)


@pytest.mark.slow
@pytest.mark.parametrize("name", BASELINES)
def test_baseline_trains_and_fills(name, tmp_path):
  path = train_other_data_test.write(DATA, tmp_path)
  config, workdir = make_tiny(name, path), tmp_path / "run"
  state = train.train_and_evaluate(config, workdir)
  assert int(state.step) == STEPS
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
  moved = lambda *networks: jax.tree.leaves(
    jax.tree.map(lambda a, b: not np.array_equal(a, b), *networks)
  )
  # The average lags behind whatever moves.
  assert all(moved(state.generator, state.generator_average))
  saved = tiny_run.restore_state(config, workdir, step=SAVED)
  # The biases of Wasserstein scores have no slope.
  still = [not x for x in moved(state.discriminator, saved.discriminator)]
  assert sum(still) <= (2 if name == "deepfill_v1" else 0)
  scalars = tiny_run.read_scalars(workdir)
  assert scalars["train/skipped_steps"] == [(STEPS, 0)]
  assert (state.discriminator is None) == ("train/real_score" not in scalars)
  assert ("train/gradient_penalty" in scalars) == (name == "deepfill_v1")

  with np.load(path) as file:
    image = file["images"][0]
  mask = np.zeros(image.shape[:2], np.uint8)
  mask[8:16, 8:20] = 255
  filled = gatedinpaint_jax.Inpainter.from_checkpoint(workdir)(image, mask)
  known = mask == 0
  np.testing.assert_array_equal(filled[known], image[known])
  assert np.isfinite(filled[~known]).all()
  assert (filled[~known] != image[~known]).mean() > 0.9
