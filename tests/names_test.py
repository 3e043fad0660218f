import json

import numpy as np
import pytest

from gatedinpaint_jax.weights import names
from tests import released

KINDS = {"plain": False, "guided": True}


@pytest.mark.parametrize("kind", KINDS)
def test_released_names_and_shapes_are_those_of_the_released_program(kind):
  table = json.loads((released.GOLDEN / "vars.json").read_text())[kind]
  shapes = names.shapes(names.released_model(guided=KINDS[kind]))
  ours = {
    names.RELEASED.rename(name): shape
    for name, shape in shapes.items()
    if not name.endswith("/sigma")
  }
  assert ours == {name: tuple(shape) for name, shape, _ in table}


@pytest.mark.parametrize(
  ("ours", "port"),
  [
    ("generator/coarse/conv1/kernel", "conv1.conv.weight"),
    ("generator/coarse/conv1/bias", "conv1.conv.bias"),
    (
      "generator/coarse/conv13_upsample/kernel",
      "conv13_upsample.conv.conv.weight",
    ),
    (
      "generator/refinement/allconv15_upsample/bias",
      "allconv15_upsample.conv.conv.bias",
    ),
    ("generator/refinement/pmconv10/kernel", "pmconv10.conv.weight"),
    ("discriminator/conv1/kernel", None),
    ("spectral/conv1/u", None),
  ],
)
def test_port_names_are_the_ports(ours, port):
  assert names.PORT.rename(ours) == port


def test_sigma_has_no_name_in_a_released_checkpoint():
  assert names.RELEASED.rename("spectral/conv1/sigma") is None


# Everything that meets colours, and on which axis.
COLOURED = {
  "generator/coarse/conv1/kernel": 2,
  "generator/refinement/xconv1/kernel": 2,
  "generator/refinement/pmconv1/kernel": 2,
  "discriminator/conv1/kernel": 2,
  "generator/coarse/conv17/kernel": 3,
  "generator/coarse/conv17/bias": 0,
  "generator/refinement/allconv17/kernel": 3,
  "generator/refinement/allconv17/bias": 0,
}


@pytest.fixture(scope="module")
def shapes():
  return names.shapes(names.released_model(guided=True))


def test_red_and_blue_change_places_where_there_are_colours(shapes):
  assert COLOURED.keys() <= shapes.keys()
  for name, shape in shapes.items():
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    expected = array
    if name in COLOURED:
      axis = COLOURED[name]
      order = np.arange(shape[axis])
      order[[0, 2]] = [2, 0]
      expected = np.take(array, order, axis)
      assert (expected != array).any()
    swapped = names.swap_red_and_blue(name, array)
    np.testing.assert_array_equal(swapped, expected, err_msg=name)


def test_only_released_weights_are_bgr():
  name = "generator/coarse/conv17/bias"
  bgr = np.array([1, 2, 3], np.float32)
  assert names.RELEASED.to_ours(name, bgr).tolist() == [3, 2, 1]
  assert names.PORT.to_ours(name, bgr).tolist() == [1, 2, 3]
  assert names.OURS.to_ours(name, bgr).tolist() == [1, 2, 3]


def test_kernels_of_the_port_have_their_outputs_first():
  name = "generator/coarse/conv3/kernel"
  theirs = np.random.default_rng(0).normal(size=(7, 5, 2, 3)).astype(np.float32)
  ours = names.PORT.to_ours(name, theirs)
  assert ours.shape == (2, 3, 5, 7)
  assert ours.flags.c_contiguous
  assert ours[1, 2, 3, 4] == theirs[4, 3, 1, 2]
  assert names.PORT.shape(ours.shape) == theirs.shape
  assert names.OURS.shape(ours.shape) == ours.shape


def test_trees_come_back_from_their_names(shapes):
  leaves = {name: i for i, name in enumerate(shapes)}
  trees = names.unflatten(leaves)
  assert set(trees) == {"generator", "discriminator", "spectral"}
  assert set(trees["spectral"]["conv1_norm"]) == {
    "conv1/kernel/u",
    "conv1/kernel/sigma",
  }
  assert names.flatten(trees) == leaves


def test_shapes_follow_the_config():
  model = {"conv": "partial", "width": 8, "guided": False, "dtype": "float32"}
  shapes = names.shapes(model)
  # Ungated: half of the channels.
  assert shapes["generator/coarse/conv1/kernel"] == (5, 5, 5, 4)
  assert shapes["discriminator/conv1/bias"] == (10,)
