import importlib
import pathlib

import pytest

from configs import comparison, places2
from gatedinpaint_jax.data import checks
from gatedinpaint_jax.training import setup as setup_lib

CONFIGS = pathlib.Path(places2.__file__).parent
# Those of `compare` have another shape, which its own tests check.
OF_COMPARE = {"comparison", "recipes"}
NAMES = sorted({path.stem for path in CONFIGS.glob("*.py")} - OF_COMPARE)


@pytest.mark.parametrize("name", NAMES)
def test_config_has_the_keys_of_the_reference_and_usable_values(name):
  config = importlib.import_module(f"configs.{name}").get_config()
  assert set(config) == set(places2.get_config())
  for section, values in places2.get_config().items():
    if section != "seed":
      assert set(config[section]) == set(values), section
  checks.check(config)
  setup = setup_lib.build_setup(config)
  assert setup.generator.guided == config.model.guided


@pytest.mark.parametrize("name", NAMES)
def test_docstring_and_docs_say_what_the_config_trains(name):
  source = (CONFIGS / f"{name}.py").read_text()
  assert f"-m gatedinpaint_jax.main --config=configs/{name}.py" in source
  page = (CONFIGS.parent / "docs" / "training.md").read_text()
  assert f"(../configs/{name}.py)" in page


def test_released_hyper_parameters():
  config = places2.get_config()
  assert config.data.image_size == (256, 256)
  assert config.data.batch_size == 16
  assert config.optimizer.generator_learning_rate == 1e-4
  assert (config.optimizer.b1, config.optimizer.b2) == (0.5, 0.999)
  assert config.model.width == 48
  assert (config.loss.l1_coarse, config.loss.l1_refined) == (1, 1)
  assert (config.loss.adversarial, config.loss.discriminator) == (1, 0.5)


def test_networks_of_the_shipped_config_are_about_equally_large():
  plan = comparison.get_config()
  gated, vanilla = plan.training.model.width, plan.methods.vanilla.model.width
  # A gated layer has twice the kernels for its output: (4 / 3)^2 = 16 / 9.
  assert vanilla == plan.methods.partial.model.width == 4 * gated // 3
  # And the discriminators are the same.
  assert plan.methods.vanilla.model.discriminator_width == 4 * gated // 3


def test_pictures_and_size_follow_those_of_the_training():
  config = comparison.get_config()
  config.training.data.validation_path = "images"
  config.training.data.image_size = (24, 32)
  assert config.images == "images" and config.size == (24, 32)
  config.images = "others"
  assert config.training.data.validation_path == "images"
