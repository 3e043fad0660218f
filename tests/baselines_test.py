"""The configs of the paper's comparison: their size, and that they train."""

import importlib

import jax
import numpy as np
import pytest

import gatedinpaint_jax
from configs import quickstart
from gatedinpaint_jax.training import setup as setup_lib
from gatedinpaint_jax.training import state as state_lib
from gatedinpaint_jax.training import train
from tests import pictures, tiny_run

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


def make_tiny(name):
  """Returns a baseline's config on the pictures of quickstart, in seconds."""
  config = get_config(name)
  config.data = quickstart.get_config().data
  config.data.update(image_size=(32, 32), batch_size=8)
  config.model.update(width=4, discriminator_width=None)
  config.optimizer.average_decay = 0.5
  if config.schedule.completion_steps:
    config.schedule.update(completion_steps=2, discriminator_steps=2)
  config.schedule.update(
    steps=STEPS,
    log_every_steps=STEPS,
    evaluate_every_steps=STEPS,
    checkpoint_every_steps=STEPS,
  )
  config.evaluation.pictures = 0
  return config


@pytest.mark.slow
@pytest.mark.parametrize("name", BASELINES)
def test_baseline_trains_and_fills(name, tmp_path):
  state = train.train_and_evaluate(make_tiny(name), tmp_path)
  assert int(state.step) == STEPS
  # The average lags behind whatever moves.
  moved = jax.tree.map(
    lambda now, average: not np.array_equal(now, average),
    state.generator,
    state.generator_average,
  )
  assert all(jax.tree.leaves(moved))
  scalars = tiny_run.read_scalars(tmp_path)
  assert scalars["train/skipped_steps"] == [(STEPS, 0)]
  assert (state.discriminator is None) == ("train/real_score" not in scalars)
  assert ("train/gradient_penalty" in scalars) == (name == "deepfill_v1")

  image, mask = pictures.noise(24, 32), np.zeros((24, 32), np.uint8)
  mask[8:16, 8:24] = 255
  filled = gatedinpaint_jax.Inpainter.from_checkpoint(tmp_path)(image, mask)
  assert np.array_equal(filled[mask == 0], image[mask == 0])
  assert not np.array_equal(filled, image)
