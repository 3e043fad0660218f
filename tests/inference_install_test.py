"""An install without the extra `train` fills holes, and says what it lacks."""

import numpy as np
import pytest
from PIL import Image

from gatedinpaint_jax.inference import openvino_backend
from tests import inpaint_files, pictures, processes

OF_TRAIN = (
  "clu",
  "importlib_resources",
  "tensorboard",
  "tensorflow",
  "tensorflow_datasets",
)
PROGRAM = f"""
import runpy, sys
for name in {OF_TRAIN}:
  sys.modules[name] = None  # as if it were not installed
runpy.run_module("gatedinpaint_jax." + sys.argv[1], run_name="__main__")
"""


def run(program, *arguments):
  """Runs a program where the extra `train` is missing."""
  return processes.run(
    "-c", PROGRAM.replace("sys.argv[1]", repr(program)), *arguments
  )


def test_picture_is_filled(checkpoint, tmp_path, monkeypatch):
  monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
  photo, mask, output = (tmp_path / f"{n}.png" for n in ("p", "m", "out"))
  pictures.write(photo)
  inpaint_files.write_mask(mask)
  done = run(
    "inpaint",
    f"--image={photo}",
    f"--mask={mask}",
    f"--output={output}",
    f"--checkpoint={checkpoint}",
  )
  assert done.returncode == 0, done.stderr
  # The compiled program was kept for the next run.
  kind = "openvino" if openvino_backend.is_installed() else "compiled"
  assert list((tmp_path / "gatedinpaint_jax" / kind).iterdir())
  before, after = inpaint_files.read(photo), inpaint_files.read(output)
  hole = np.asarray(Image.open(mask)) >= 128
  np.testing.assert_array_equal(after[~hole], before[~hole])
  assert (after[hole] != before[hole]).any()


@pytest.mark.parametrize(
  ("program", "arguments"),
  [
    ("main", ["--config=configs/quickstart.py", "--workdir={tmp}/run"]),
    ("import_weights", ["--source={tmp}/snap-1", "--output={tmp}/run"]),
  ],
)
def test_what_is_missing_ends_a_program_with_one_line(
  tmp_path, program, arguments
):
  (tmp_path / "snap-1.index").touch()
  done = run(program, *(x.format(tmp=tmp_path) for x in arguments))
  assert done.returncode == 2, done.stderr
  assert done.stderr.splitlines()[-1] == (
    "error: tensorflow is not installed; pip install 'gatedinpaint-jax[train]'"
  )
  assert "Traceback" not in done.stderr
  assert not (tmp_path / "run").exists()
