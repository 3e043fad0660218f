"""Runs on pictures that are not photographs, of other channels and types."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util
from PIL import Image

from gatedinpaint_jax import build
from gatedinpaint_jax.training import checkpoint_reader, train
from gatedinpaint_jax.training import setup as setup_lib
from gatedinpaint_jax.training import state as state_lib
from tests import tiny_run


@dataclasses.dataclass
class Kind:
  """A kind of data: see `config.data` and `values.Values`."""

  channels: int
  dtype: Any
  data: dict[str, Any]
  guided: bool = False


KINDS = {
  "heights": Kind(
    1, np.int16, {"value_range": (-400, 900), "no_data": -32768.0}
  ),
  "spectra": Kind(
    13,
    np.float32,
    {
      "value_range": (*(11 * [(0, 1)]), (-1, 1), (270, 310)),
      "shown_channels": (3, 2, 1),
      "sketch": "edges",
    },
    guided=True,
  ),
}


def write(kind, folder):
  """Writes twelve soft pictures, 20 x 24, a few places missing."""
  with np.load(tiny_run.write_photos(folder)) as file:
    levels = file["images"][..., np.arange(kind.channels) % 3] / 255
  low, high = np.transpose(
    np.broadcast_to(
      kind.data.get("value_range", (0, 65535)), (kind.channels, 2)
    )
  )
  images = (low + levels * (high - low)).astype(kind.dtype)
  if kind.dtype == np.float32:
    images[:, 3:6, 5:9, 1] = np.nan
  elif "no_data" in kind.data:
    images[:, 3:6, 5:9] = kind.data["no_data"]
  path = folder / "pictures.npz"
  np.savez(path, images=images)
  return path


def make_config(kind, path, **schedule):
  config = tiny_run.config(path, **schedule)
  with config.unlocked():
    config.data.update(kind.data)
    config.model.update(channels=kind.channels, guided=kind.guided)
  return config


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_run_resumes_to_the_bit_and_its_generator_fills(name, tmp_path, capsys):
  kind, whole = KINDS[name], tmp_path / "whole"
  path = write(kind, tmp_path)
  expected = train.train_and_evaluate(make_config(kind, path), whole)
  # Grey has no colours.
  assert ("chroma" in capsys.readouterr().out) == (kind.channels > 1)
  stopped = tmp_path / "stopped"
  train.train_and_evaluate(make_config(kind, path, steps=2), stopped)
  with tiny_run.captured_log() as lines:
    state = train.train_and_evaluate(make_config(kind, path), stopped)
  assert "resumed at step 2" in lines
  jax.tree.map(np.testing.assert_array_equal, state, expected)
  scalars = tiny_run.read_scalars(whole)
  again = tiny_run.read_scalars(stopped)
  assert {k: v for k, v in again.items() if k.startswith("train/")} == {
    k: v for k, v in scalars.items() if k.startswith("train/")
  }
  assert np.isfinite(list(scalars.values())).all()
  assert [skipped for _, skipped in scalars["train/skipped_steps"]] == [0, 0]

  with Image.open(whole / "strips" / "step_0000004.png") as strip:
    assert strip.size == (6 * 16, 2 * 14 + 2 * 16)

  saved = checkpoint_reader.read(whole)
  generator = checkpoint_reader.build_generator(saved)
  assert generator.channels == kind.channels
  hole = jnp.ones((1, 16, 24, 1))
  picture = jnp.zeros((1, 16, 24, kind.channels))
  filled = generator.apply(
    {"params": saved.generator}, picture, hole, hole if kind.guided else None
  )
  assert filled.refined.shape == picture.shape


# Parameters of the generator and of the discriminator. A channel is one more
# input of four layers, with 25 * 48 (in the discriminator 64) weights, and one
# more output of two, with 9 * 12 weights and a bias.
PARAMETERS = {
  1: (4_052_478 - 2 * 3_818, 5_946_816 - 2 * 1_600),
  3: (4_052_478, 5_946_816),
  13: (4_052_478 + 10 * 3_818, 5_946_816 + 10 * 1_600),
}


def shapes(channels, *, guided=False):
  """Returns {layer: the shape of its kernel} of both networks, their counts."""
  config = tiny_run.config("unused")
  with config.unlocked():
    config.model.update(width=48, channels=channels, guided=guided)
  setup = setup_lib.build_setup(config)
  create = lambda key: state_lib.create_state(key, setup, image_size=(64, 64))
  state = jax.eval_shape(create, jax.random.key(0))
  found = {
    key.removesuffix(".kernel"): value.shape
    for network in (state.generator, state.discriminator)
    for key, value in traverse_util.flatten_dict(network, sep=".").items()
    if key.endswith(".kernel")
  }
  counts = map(
    state_lib.count_parameters, (state.generator, state.discriminator)
  )
  return found, tuple(counts)


@pytest.mark.parametrize("channels", PARAMETERS)
def test_channels_shape_the_first_and_the_last_layers(channels):
  found, counts = shapes(channels)
  of_three, _ = shapes(3)
  # The ones and the mask are two more inputs, of the discriminator one.
  expected = {
    "coarse.conv1": (5, 5, channels + 2, 48),
    "coarse.conv17": (3, 3, 12, channels),
    "refinement.xconv1": (5, 5, channels, 48),
    "refinement.pmconv1": (5, 5, channels, 48),
    "refinement.allconv17": (3, 3, 12, channels),
    "conv1": (5, 5, channels + 1, 64),
  }
  assert found == of_three | expected
  assert counts == PARAMETERS[channels]


def test_sketch_is_one_more_input_of_any_channels():
  for channels in (1, 13):
    plain, guided = (shapes(channels, guided=g)[0] for g in (False, True))
    more = {k: v for k, v in guided.items() if v != plain[k]}
    assert more == {
      "coarse.conv1": (5, 5, channels + 3, 48),
      "conv1": (5, 5, channels + 2, 64),
    }


def test_model_without_a_count_has_three_channels():
  config = tiny_run.config("unused")
  with config.unlocked():
    del config.model.channels
  generator, _ = build.build_networks(config)
  assert generator.channels == 3
