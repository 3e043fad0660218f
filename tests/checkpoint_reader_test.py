import json
import os
import shutil

import jax
import numpy as np
import psutil
import pytest
import tensorstore as ts

from gatedinpaint_jax import errors
from gatedinpaint_jax.training import checkpoint_reader
from tests import processes, small_checkpoint


@pytest.mark.parametrize("part", ["", "checkpoints", "checkpoints/0"])
def test_workdir_its_checkpoints_or_one_step_can_be_named(checkpoint, part):
  model = checkpoint_reader.read(checkpoint / part)
  assert model.folder == checkpoint / "checkpoints" / "0"
  assert model.config["model"]["width"] == 4
  jax.tree.map(
    np.testing.assert_array_equal, model.generator, small_checkpoint.params()
  )


def test_arrays_lie_on_the_first_device(checkpoint):
  for leaf in jax.tree.leaves(checkpoint_reader.read(checkpoint).generator):
    assert leaf.devices() == {jax.devices()[0]}


def test_newest_complete_step_is_taken(checkpoint, tmp_path):
  steps = tmp_path / "checkpoints"
  for step in ("9", "10"):
    shutil.copytree(checkpoint / "checkpoints" / "0", steps / step)
  (steps / "11").mkdir()
  shutil.copytree(steps / "10", steps / "12.orbax-checkpoint-tmp")
  assert checkpoint_reader.find(tmp_path) == steps / "10"


def test_imported_weights_without_a_discriminator_have_none(checkpoint):
  model = checkpoint_reader.read(checkpoint, with_discriminator=True)
  assert model.discriminator is None and model.spectral is None


@pytest.mark.parametrize(
  ("file", "named", "message"),
  [
    ("notes.txt", "missing", "nothing at .*missing"),
    ("notes.txt", "", r"holds no checkpoint; .*checkpoints/STEP/"),
    ("weights.pth", "weights.pth", "another format; .*import_weights"),
    ("snap-0.index", "", "TensorFlow weights; .*import_weights"),
    ("notes.txt", "notes.txt", "is a file"),
  ],
)
def test_what_is_no_checkpoint_is_told_what_it_is(
  tmp_path, file, named, message
):
  (tmp_path / file).write_bytes(b"PK")
  with pytest.raises(errors.UserError, match=message) as caught:
    checkpoint_reader.find(tmp_path / named)
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
  "part", ["generator/d", "generator/manifest.ocdbt", "config/metadata"]
)
def test_damaged_file_is_one_line(checkpoint, tmp_path, part):
  damage(checkpoint, tmp_path / "0", part)
  with pytest.raises(errors.UserError, match="cannot be read") as caught:
    checkpoint_reader.read(tmp_path / "0")
  assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize("named", ["", "checkpoints/1"])
def test_step_that_is_removed_while_it_is_read_gives_the_next(
  checkpoint, tmp_path, monkeypatch, named
):
  steps, read_through = tmp_path / "checkpoints", checkpoint_reader.read_through
  shutil.copytree(checkpoint / "checkpoints" / "0", steps / "1")

  def train_on(item):
    monkeypatch.undo()
    shutil.copytree(steps / "1", steps / "2")
    shutil.rmtree(steps / "1")
    read_through(item)

  monkeypatch.setattr(checkpoint_reader, "read_through", train_on)
  if named:
    with pytest.raises(errors.UserError, match=r"nothing at .*/1;"):
      checkpoint_reader.read(tmp_path / named)
  else:
    assert checkpoint_reader.read(tmp_path).folder == steps / "2"


MODEL = '"conv": "gated", "guided": false, "dtype": "float32"'


@pytest.mark.parametrize(
  "config",
  [
    "",
    "null",
    "[1]",
    "{}",
    '{"model": "abc"}',
    "[" * 100_000 + "]" * 100_000,
    '{"model": {"width": ' + "[" * 900 + "]" * 900 + "}}",
    f'{{"model": {{"width": 4, "a.b": 1, {MODEL}}}}}',
    f'{{"model": {{"width": 4{"0" * 30}, {MODEL}}}}}',
    f'{{"model": {{"width": 1{"0" * 12}, {MODEL}}}}}',
    f'{{"model": {{"width": 4.0, {MODEL}}}}}',
    f'{{"model": {{"width": NaN, {MODEL}}}}}',
    f'{{"model": {{"width": "4", {MODEL}}}}}',
    f'{{"model": {{"width": 4, "discriminator_width": "x", {MODEL}}}}}',
  ],
  ids=lambda config: config[-40:],
)
def test_config_that_describes_no_network_is_one_line(
  checkpoint, tmp_path, config
):
  step = shutil.copytree(checkpoint / "checkpoints" / "0", tmp_path / "0")
  (step / "config" / "metadata").write_text(config)
  with pytest.raises(errors.UserError, match=str(step)) as caught:
    checkpoint_reader.build_generator(checkpoint_reader.read(step))
  assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize(
  "part",
  [
    "_CHECKPOINT_METADATA",
    "config/metadata",
    "generator/_METADATA",
    "generator/manifest.ocdbt",
  ],
)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_file_is_not_waited_for(
  checkpoint, tmp_path, in_time, part, kind
):
  step = shutil.copytree(checkpoint / "checkpoints" / "0", tmp_path / "0")
  (step / part).unlink()
  if kind == "pipe":
    os.mkfifo(step / part)
  else:
    (step / part).symlink_to("/dev/zero")
  for read in (checkpoint_reader.read, checkpoint_reader.check_intact):
    with in_time(), pytest.raises((errors.UserError, OSError), match="regular"):
      read(step)


def lose_chunk(store):
  name = next(k for k in store.list().result() if not k.endswith(b".zarray"))
  store.delete_range(ts.KvStore.KeyRange(name, name + b"\0")).result()


def claim(side):
  """Returns a function that changes the shape of the first array."""

  def change(store):
    name = next(k for k in store.list().result() if k.endswith(b".zarray"))
    about = json.loads(store.read(name).result().value)
    about["shape"] = about["chunks"] = [side] * len(about["shape"])
    store.write(name, json.dumps(about).encode()).result()

  return change


ARRAYS = {
  "chunk": lose_chunk,
  "small": claim(1),
  "large": claim(10**4),
  "overflow": claim(2**62),
}


@pytest.fixture(scope="module")
def false_arrays(checkpoint, tmp_path_factory):
  """Steps with an array that is not there as its metadata say."""
  folder = tmp_path_factory.mktemp("false")
  for name, change in ARRAYS.items():
    shutil.copytree(checkpoint / "checkpoints" / "0", folder / name)
    base = {"driver": "file", "path": f"{folder / name}/generator/"}
    change(ts.KvStore.open({"driver": "ocdbt", "base": base}).result())
  return folder


@pytest.mark.parametrize("name", ARRAYS)
def test_array_that_is_not_as_it_claims_is_one_line(false_arrays, name):
  with pytest.raises(errors.UserError, match="cannot be read") as caught:
    checkpoint_reader.read(false_arrays / name)
  assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_arrays_that_need_more_than_the_memory_are_not_read(
  checkpoint, monkeypatch
):
  memory = psutil.virtual_memory()._replace(available=1000)
  monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
  with pytest.raises(errors.UserError, match="take 0 GB of memory"):
    checkpoint_reader.read(checkpoint)


def test_damage_leaves_no_tasks_that_print_tracebacks(
  checkpoint, tmp_path, false_arrays
):
  damage(checkpoint, tmp_path / "0", "generator/manifest.ocdbt")
  program = (
    "import sys\n"
    "from gatedinpaint_jax import errors\n"
    "from gatedinpaint_jax.training import checkpoint_reader\n"
    "for step in sys.argv[1:]:\n"
    "  try:\n"
    "    checkpoint_reader.read(step)\n"
    "  except errors.UserError:\n"
    "    print('told')\n"
  )
  steps = [tmp_path / "0", *(false_arrays / name for name in ARRAYS)]
  result = processes.run("-c", program, *steps)
  assert result.stdout == "told\n" * len(steps)
  assert "Traceback" not in result.stderr


def damage(checkpoint, folder, part):
  """Copies a checkpoint and cuts the largest file of a part short."""
  shutil.copytree(checkpoint / "checkpoints" / "0", folder)
  path = folder / part
  files = [path] if path.is_file() else list(path.iterdir())
  largest = max(files, key=lambda file: file.stat().st_size)
  largest.write_bytes(largest.read_bytes()[:50])
