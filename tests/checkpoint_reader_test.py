import shutil

import jax
import numpy as np
import pytest

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


def test_damaged_file_leaves_no_tasks_that_print_tracebacks(
  checkpoint, tmp_path
):
  damage(checkpoint, tmp_path / "0", "generator/manifest.ocdbt")
  program = (
    "import sys\n"
    "from gatedinpaint_jax import errors\n"
    "from gatedinpaint_jax.training import checkpoint_reader\n"
    "try:\n"
    "  checkpoint_reader.read(sys.argv[1])\n"
    "except errors.UserError:\n"
    "  print('told')\n"
  )
  result = processes.run("-c", program, tmp_path / "0")
  assert result.stdout == "told\n"
  assert "Traceback" not in result.stderr


def damage(checkpoint, folder, part):
  """Copies a checkpoint and cuts the largest file of a part short."""
  shutil.copytree(checkpoint / "checkpoints" / "0", folder)
  path = folder / part
  files = [path] if path.is_file() else list(path.iterdir())
  largest = max(files, key=lambda file: file.stat().st_size)
  largest.write_bytes(largest.read_bytes()[:50])
