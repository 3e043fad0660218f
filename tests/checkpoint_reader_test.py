import os
import pathlib
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.training import checkpoint_reader
from tests import small_checkpoint


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
  return small_checkpoint.write(tmp_path_factory.mktemp("run"))


@pytest.mark.parametrize("part", ["", "checkpoints", "checkpoints/0"])
def test_workdir_its_checkpoints_or_one_step_can_be_named(workdir, part):
  model = checkpoint_reader.read(workdir / part)
  assert model.folder == workdir / "checkpoints" / "0"
  assert model.config["model"]["width"] == 4
  jax.tree.map(
    np.testing.assert_array_equal, model.generator, small_checkpoint.params()
  )


def test_arrays_lie_on_the_first_device(workdir):
  for leaf in jax.tree.leaves(checkpoint_reader.read(workdir).generator):
    assert leaf.devices() == {jax.devices()[0]}


def test_newest_complete_step_is_taken(workdir, tmp_path):
  steps = tmp_path / "checkpoints"
  for step in ("9", "10"):
    shutil.copytree(workdir / "checkpoints" / "0", steps / step)
  (steps / "11").mkdir()
  shutil.copytree(steps / "10", steps / "12.orbax-checkpoint-tmp")
  assert checkpoint_reader.find(tmp_path) == steps / "10"


def test_imported_weights_without_a_discriminator_have_none(workdir):
  model = checkpoint_reader.read(workdir, with_discriminator=True)
  assert model.discriminator is None and model.spectral is None


def write_pth(folder):
  (folder / "weights.pth").write_bytes(b"PK")
  return folder / "weights.pth"


def write_tensorflow(folder):
  (folder / "snap-0.index").write_bytes(b"\0")
  return folder


def write_text(folder):
  (folder / "notes.txt").write_text("hello")
  return folder / "notes.txt"


@pytest.mark.parametrize(
  ("make", "message"),
  [
    (lambda folder: folder / "missing", "nothing at .*missing"),
    (lambda folder: folder, r"holds no checkpoint; .*checkpoints/STEP/"),
    (write_pth, "another format; .*import_weights"),
    (write_tensorflow, "TensorFlow weights; .*import_weights"),
    (write_text, "is a file"),
  ],
)
def test_what_is_no_checkpoint_is_told_what_it_is(tmp_path, make, message):
  with pytest.raises(errors.UserError, match=message) as caught:
    checkpoint_reader.find(make(tmp_path))
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
  "part", ["generator/d", "generator/manifest.ocdbt", "config/metadata"]
)
def test_damaged_file_is_one_line(workdir, tmp_path, part):
  damage(workdir, tmp_path / "0", part)
  with pytest.raises(errors.UserError, match="cannot be read") as caught:
    checkpoint_reader.read(tmp_path / "0")
  assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_damaged_file_leaves_no_tasks_that_print_tracebacks(workdir, tmp_path):
  damage(workdir, tmp_path / "0", "generator/manifest.ocdbt")
  program = (
    "import sys\n"
    "from gatedinpaint_jax import errors\n"
    "from gatedinpaint_jax.training import checkpoint_reader\n"
    "try:\n"
    "  checkpoint_reader.read(sys.argv[1])\n"
    "except errors.UserError:\n"
    "  print('told')\n"
  )
  result = subprocess.run(
    [sys.executable, "-c", program, tmp_path / "0"],
    env={**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[1])},
    capture_output=True,
    text=True,
  )
  assert result.stdout == "told\n"
  assert "Traceback" not in result.stderr


def damage(workdir, folder, part):
  """Copies a checkpoint and cuts the largest file of a part short."""
  shutil.copytree(workdir / "checkpoints" / "0", folder)
  path = folder / part
  files = [path] if path.is_file() else list(path.iterdir())
  largest = max(files, key=lambda file: file.stat().st_size)
  largest.write_bytes(largest.read_bytes()[:50])
