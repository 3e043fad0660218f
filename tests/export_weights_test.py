"""The way out to a file, back in, and on with training."""

import json

import jax
import numpy as np
import pytest
import safetensors

import gatedinpaint_jax
from gatedinpaint_jax import errors, export_weights, import_weights
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
