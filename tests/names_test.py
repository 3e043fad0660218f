import json

import pytest

from gatedinpaint_jax.weights import names
from tests import released


@pytest.mark.parametrize("kind", ["plain", "guided"])
def test_released_names_and_shapes_are_those_of_the_released_program(kind):
  table = json.loads((released.GOLDEN / "vars.json").read_text())[kind]
  shapes = names.shapes(names.released_model(guided=kind == "guided"))
  ours = {
    names.RELEASED.rename(name): shape
    for name, shape in shapes.items()
    if not name.endswith("/sigma")
  }
  assert ours == {name: tuple(shape) for name, shape, _ in table}


def test_what_another_program_lacks_has_no_name_there():
  assert names.RELEASED.rename("spectral/conv1/sigma") is None
  assert names.PORT.rename("discriminator/conv1/kernel") is None
  assert names.PORT.rename("spectral/conv1/u") is None


def test_shapes_follow_the_config():
  model = {"conv": "partial", "width": 8, "guided": False, "dtype": "float32"}
  shapes = names.shapes(model)
  # Ungated: half of the channels.
  assert shapes["generator/coarse/conv1/kernel"] == (5, 5, 5, 4)
  assert shapes["discriminator/conv1/bias"] == (10,)
