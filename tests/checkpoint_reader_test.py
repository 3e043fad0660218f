import json
import os
import shutil

import jax
import numpy as np
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
    "[1]",
    '{"model": "abc"}',
    "[" * 100_000 + "]" * 100_000,
    '{"model": {"width": ' + "[" * 900 + "]" * 900 + "}}",
    *(
      f'{{"model": {{"width": {width}, {MODEL}}}}}'
      for width in ("4.0", "NaN", "null", '"4"', 10**12, 4 * 10**30)
    ),
    f'{{"model": {{"width": 4, "a.b": 1, {MODEL}}}}}',
  ],
  ids=range(12),
)
def test_config_that_describes_no_network_is_one_line(
  checkpoint, tmp_path, config
):
  step = shutil.copytree(checkpoint / "checkpoints" / "0", tmp_path / "0")
  (step / "config" / "metadata").write_text(config)
  with pytest.raises(errors.UserError, match=str(step)) as caught:
    checkpoint_reader.build_generator(checkpoint_reader.read(step))
  assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize(
  "part",
  ["_CHECKPOINT_METADATA", "config/metadata", "generator/manifest.ocdbt"],
)
@pytest.mark.parametrize(
  "make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")]
)
def test_what_is_no_file_is_not_waited_for(checkpoint, tmp_path, part, make):
  step = shutil.copytree(checkpoint / "checkpoints" / "0", tmp_path / "0")
  (step / part).unlink()
  make(step / part)
  for read in (checkpoint_reader.read, checkpoint_reader.check_intact):
    with pytest.raises((errors.UserError, OSError), match="regular"):
      read(step)


def lose(start, end):
  """Returns a function that removes the files between two names."""
  part = ts.KvStore.KeyRange(f"coarse.conv1.bias/{start}", end)
  return lambda store: store.delete_range(part).result()


def claim(side):
  """Returns a function that changes the shape of an array."""

  def change(store):
    name = "coarse.conv1.bias/.zarray"
    about = json.loads(store.read(name).result().value)
    about["shape"] = about["chunks"] = [side]
    store.write(name, json.dumps(about).encode()).result()

  return change


FALSE_ARRAYS = {
  "arrays": lose("", "d"),
  "chunk": lose("0", "coarse.conv1.bias/1"),
  "small": claim(1),
  "large": claim(10**4),
  "4 GB": claim(10**9),
  "overflow": claim(2**62),
}


def test_damage_leaves_no_tasks_that_print_tracebacks(checkpoint, tmp_path):
  damage(checkpoint, tmp_path / "0", "generator/manifest.ocdbt")
  for name, change in FALSE_ARRAYS.items():
    shutil.copytree(checkpoint / "checkpoints" / "0", tmp_path / name)
    base = {"driver": "file", "path": f"{tmp_path / name}/generator/"}
    change(ts.KvStore.open({"driver": "ocdbt", "base": base}).result())
  program = (
    "import sys\n"
    "from gatedinpaint_jax import errors\n"
    "from gatedinpaint_jax.training import checkpoint_reader\n"
    "for step in sys.argv[1:]:\n"
    "  try:\n"
    "    checkpoint_reader.read(step)\n"
    "  except errors.UserError as error:\n"
    "    print(error)\n"
  )
  steps = [tmp_path / name for name in ("0", *FALSE_ARRAYS)]
  result = processes.run("-c", program, *steps)
  for step, line in zip(steps, result.stdout.splitlines(), strict=True):
    assert line.startswith(f"{step} cannot be read (") and len(line) < 400
  assert "Traceback" not in result.stderr


def damage(checkpoint, folder, part):
  """Copies a checkpoint and cuts the largest file of a part short."""
  shutil.copytree(checkpoint / "checkpoints" / "0", folder)
  path = folder / part
  files = [path] if path.is_file() else list(path.iterdir())
  largest = max(files, key=lambda file: file.stat().st_size)
  largest.write_bytes(largest.read_bytes()[:50])
