"""The notebook runs from top to bottom by itself, and is kept without outputs.

What only Colab has (upload, drawing, its TensorBoard) does not run here;
`draw_mask_test.py` has a stand-in for the drawing.
"""

import os
import pathlib
import re

import nbclient
import nbformat
import numpy as np
import pytest
from PIL import Image

import gatedinpaint_jax
from gatedinpaint_jax.data import photo_files
from gatedinpaint_jax.weights import safetensors_file
from tests import processes

PACKAGE = pathlib.Path(gatedinpaint_jax.__file__).parent
NOTEBOOK = PACKAGE.parent / "colab" / "inpaint_and_train.ipynb"
STEPS = 8
# More than this is logic, which belongs in the package.
MOST_LINES = 14


def code_cells(notebook):
  return [cell for cell in notebook.cells if cell.cell_type == "code"]


def read_with_settings(**settings):
  """Returns the notebook with other values in its settings."""
  notebook = nbformat.read(NOTEBOOK, as_version=4)
  (cell,) = [cell for cell in notebook.cells if cell.id == "settings"]
  for name, value in settings.items():
    cell.source, count = re.subn(
      rf"(?m)^{name} = .*?  #", f"{name} = {value!r}  #", cell.source
    )
    assert count == 1, name
  return notebook


def run_as_jupyter_does(notebook, scratch):
  """Runs all cells beside the notebook's file, on one CPU device."""
  # Neither our eight devices nor a way to the package other than a user's.
  kept = os.environ.keys() - {"PYTHONPATH"}
  environment = {name: os.environ[name] for name in kept} | {
    "XLA_FLAGS": processes.xla_flags(devices=1),
    "IPYTHONDIR": str(scratch / "ipython"),
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    "JAX_PLATFORMS": "cpu",
  }
  client = nbclient.NotebookClient(notebook, kernel_name="python3", timeout=300)
  client.execute(cwd=str(NOTEBOOK.parent), env=environment)


@pytest.mark.slow
def test_all_cells_run_and_leave_what_they_promise(tmp_path, monkeypatch):
  for kind in ("CONFIG", "DATA", "RUNTIME"):
    monkeypatch.setenv(f"JUPYTER_{kind}_DIR", str(tmp_path / kind))
  workdir = tmp_path / "run"
  notebook = read_with_settings(TRAINING_STEPS=STEPS, WORKDIR=str(workdir))
  run_as_jupyter_does(notebook, tmp_path)

  with_pictures = {
    cell.id
    for cell in code_cells(notebook)
    for output in cell.outputs
    if "image/png" in output.get("data", {})
  }
  assert with_pictures == {"pictures", "training", "fill"}
  assert (workdir / "strips" / f"step_{STEPS:07d}.png").is_file()
  assert (workdir / "checkpoints" / str(STEPS)).is_dir()
  picture, mask, filled = (
    np.asarray(Image.open(workdir / "results" / f"{name}.png"))
    for name in ("picture", "mask", "filled")
  )
  photo = PACKAGE / "example_photos" / "validation" / "budgie_0007.jpg"
  assert picture.shape[:2] == photo_files.read_size(photo)
  np.testing.assert_array_equal(picture[mask == 0], filled[mask == 0])
  assert np.mean(picture[mask == 255] != filled[mask == 255]) > 0.9
  exported, _ = safetensors_file.read(workdir / "generator.safetensors")
  assert "generator/coarse/conv1/kernel" in exported


def test_it_is_kept_without_outputs():
  notebook = nbformat.read(NOTEBOOK, as_version=4)
  nbformat.validate(notebook)
  for cell in code_cells(notebook):
    assert not cell.outputs, cell.id
    assert cell.execution_count is None, cell.id


def test_cells_are_short_and_define_nothing():
  for cell in code_cells(nbformat.read(NOTEBOOK, as_version=4)):
    assert len(cell.source.splitlines()) <= MOST_LINES, cell.id
    assert not re.search(r"(?m)^\s*(def|class|async) |lambda", cell.source)


def test_links_lead_to_sections():
  text = NOTEBOOK.read_text("utf-8")
  links = re.findall(r"\]\(#(\w+)\)", text)
  assert len(links) > 5
  assert set(links) <= set(re.findall(r'<a name=\\"(\w+)\\">', text))
