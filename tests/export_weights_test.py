"""The way out to a file, back in, and on with training."""

import json

import jax
import numpy as np
import pytest
import safetensors

import gatedinpaint_jax
from gatedinpaint_jax import errors, export_weights, import_weights, values
from gatedinpaint_jax.training import (
  checkpoint_reader,
  checkpoints,
  loop,
  train,
)
from gatedinpaint_jax.training import state as state_lib
from gatedinpaint_jax.weights import names
from tests import programs, tiny_run


def export(checkpoint, output, *flags):
  programs.run(export_weights, *flags, checkpoint=checkpoint, output=output)


def import_(source, output):
  programs.run(import_weights, source=source, output=output)


def tiny_config(photos):
  """One step with partial convolutions of width 4."""
  config = tiny_run.config(photos, steps=1)
  config.model.conv = "partial"
  config.optimizer.average_decay = None
  config.evaluation.pictures = 0
  return config


@pytest.fixture(scope="module")
def run(tmp_path_factory):
  """A saved run that has not trained: (config, workdir, state)."""
  workdir = tmp_path_factory.mktemp("run")
  config = tiny_config("unread")
  rng = np.random.default_rng(0)
  trees = names.unflatten(
    {
      name: rng.normal(0, 0.1, shape).astype(np.float32)
      for name, shape in names.shapes(config.model).items()
    }
  )
  state = state_lib.TrainState(
    **trees,
    step=np.int32(5),
    examples_seen=np.uint32(40),
    generator_optimizer=np.zeros(1),
    discriminator_optimizer=np.zeros(1),
    generator_average=jax.tree.map(lambda x: x / 2, trees["generator"]),
  )
  with checkpoints.Checkpoints(workdir, keep=1) as store:
    store.save(state, config.to_dict())
  return config, workdir, state


def test_names_and_metadata_are_the_documented_ones(run, tmp_path):
  config, workdir, state = run
  path = tmp_path / "w.safetensors"
  export(workdir, path, "--with_discriminator")
  with safetensors.safe_open(path, framework="numpy") as file:
    metadata, found = file.metadata(), set(file.keys())
    kernel = file.get_tensor("generator/coarse/conv1/kernel")
  assert len(found) == 84 + 12 + 12
  assert {
    "generator/refinement/allconv17/bias",
    "discriminator/conv1/kernel",
    "spectral/conv6/u",
    "spectral/conv6/sigma",
  } <= found
  average = state.generator_average["coarse"]["conv1"]["kernel"]
  np.testing.assert_array_equal(kernel, average)
  assert (kernel != state.generator["coarse"]["conv1"]["kernel"]).any()
  assert metadata["format"] == "gatedinpaint-jax"
  assert metadata["version"] == gatedinpaint_jax.__version__
  saved = json.loads(metadata["config"])
  assert saved == json.loads(json.dumps(config.to_dict()))


@pytest.mark.parametrize("with_discriminator", [True, False])
def test_export_comes_back_to_the_bit(run, tmp_path, with_discriminator):
  config, workdir, _ = run
  path = tmp_path / "w.safetensors"
  flags = ["--with_discriminator"] if with_discriminator else []
  export(workdir, path, *flags)
  import_(path, tmp_path / "back")
  expected = checkpoint_reader.read(
    workdir, with_discriminator=with_discriminator
  )
  model = checkpoint_reader.read(tmp_path / "back", with_discriminator=True)
  jax.tree.map(np.testing.assert_array_equal, model[2:], expected[2:])
  assert (model.discriminator is not None) == with_discriminator
  assert model.config == {
    "model": config.model.to_dict(),
    "imported_from": "w.safetensors",
  }


def test_training_begins_with_the_imported_weights(
  run, photos, tmp_path, monkeypatch
):
  _, workdir, _ = run
  export(workdir, tmp_path / "w.safetensors", "--with_discriminator")
  import_(tmp_path / "w.safetensors", tmp_path / "next")
  model = checkpoint_reader.read(tmp_path / "next", with_discriminator=True)
  # Before the first step, which takes long to compile.
  monkeypatch.setattr(loop.Run, "train", lambda run, state, batches: state)
  state = train.train_and_evaluate(tiny_config(photos), tmp_path / "next")
  for name in ("generator", "discriminator"):
    trained, imported = getattr(state, name), getattr(model, name)
    jax.tree.map(np.testing.assert_array_equal, trained, imported)


def save_imported(folder, channels, data):
  """Saves random weights of some channels; returns (workdir, config)."""
  model = {"conv": "gated", "width": 4, "guided": False, "dtype": "float32"}
  config = {"model": model | {"channels": channels}, "data": data}
  rng = np.random.default_rng(0)
  trees = names.unflatten(
    {
      name: rng.normal(0, 0.1, shape).astype(np.float32)
      for name, shape in names.shapes(config["model"]).items()
    }
  )
  with checkpoints.Checkpoints(folder, keep=1) as store:
    store.save_imported(trees, config | {"imported_from": "a test"})
  return folder, config


OF_VALUES = {
  "value_range": [[0.0, 1.0], [-3.5, 0.5], [1e-3, 2e-3], [270.0, 310.0]],
  "no_data": -9999.0,
  "shown_channels": [3, 1, 0],
}


@pytest.mark.parametrize(
  ("channels", "data", "kept"),
  [
    (
      4,
      {"source": "folder", "range_quantiles": [0, 1], **OF_VALUES},
      OF_VALUES,
    ),
    (1, {"value_range": [0, 10], "no_data": None}, {"value_range": [0, 10]}),
    (13, {"value_range": [], "no_data": 0}, {"no_data": 0}),
    (3, {"value_range": [], "no_data": None, "shown_channels": []}, None),
  ],
)
def test_channels_and_their_range_come_back(tmp_path, channels, data, kept):
  workdir, config = save_imported(tmp_path / "run", channels, data)
  path = tmp_path / "w.safetensors"
  export(workdir, path)
  import_(path, tmp_path / "back")
  expected = checkpoint_reader.read(workdir)
  model = checkpoint_reader.read(tmp_path / "back")
  jax.tree.map(np.testing.assert_array_equal, model[2:], expected[2:])
  assert model.config.pop("imported_from") == "w.safetensors"
  wanted = {"model": config["model"]} | ({"data": kept} if kept else {})
  assert model.config == wanted
  assert values.from_config(model.config) == values.from_config(config)
  assert checkpoint_reader.build_generator(model).channels == channels
  # And once more: what an imported model lacks is not written.
  export(tmp_path / "back", tmp_path / "again.safetensors")
  import_(tmp_path / "again.safetensors", tmp_path / "third")
  assert (
    checkpoint_reader.read(tmp_path / "third").config["model"]
    == (wanted["model"])
  )
  assert checkpoint_reader.read(tmp_path / "third").config.get("data") == kept


@pytest.mark.parametrize(
  ("data", "message"),
  [
    ({"value_range": [5, 5]}, r"value_range=\[5, 5\]: "),
    ({"value_range": [[0, 1]] * 4}, "has 4 ranges; must be one"),
    ({"value_range": 7}, "no config that describes"),
    ({"no_data": "none"}, "no config that describes"),
    ("folder", "no config that describes"),
  ],
)
def test_file_with_a_senseless_range_is_refused(tmp_path, data, message):
  workdir, _ = save_imported(tmp_path / "run", 3, data)
  export(workdir, tmp_path / "w.safetensors")
  with pytest.raises(errors.UserError, match=message):
    import_(tmp_path / "w.safetensors", tmp_path / "back")
  assert not (tmp_path / "back").exists()
  # Nor is such a checkpoint built.
  with pytest.raises(errors.UserError, match="describes no model"):
    checkpoint_reader.build_generator(checkpoint_reader.read(workdir))


def test_file_is_replaced_only_when_asked(run, tmp_path):
  _, workdir, _ = run
  path = tmp_path / "w.safetensors"
  path.write_text("mine")
  with pytest.raises(errors.UserError, match=r"--output=.*exists; `overwrite`"):
    export(workdir, path)
  assert path.read_text() == "mine"
  export(workdir, path, "--overwrite")
  assert path.stat().st_size > 1000
  assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]


def test_what_is_not_there_is_named(checkpoint, tmp_path):
  path = tmp_path / "w.safetensors"
  with pytest.raises(errors.UserError, match="--checkpoint: nothing at"):
    export(tmp_path / "nowhere", path)
  with pytest.raises(errors.UserError, match=r"--with_discriminator: .* none"):
    export(checkpoint, path, "--with_discriminator")
