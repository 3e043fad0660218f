"""No damage to a file of a stranger makes its reader hang or crash."""

import shutil

import numpy as np
import pytest
from safetensors import numpy as safetensors_numpy

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import arrays
from gatedinpaint_jax.study import answers, page
from gatedinpaint_jax.training import checkpoint_reader
from gatedinpaint_jax.weights import pytorch_file, safetensors_file
from tests import pictures

ARRAYS = {"images": pictures.noise(2 * 16, 24).reshape(2, 16, 24, 3)}


def read_checkpoint(folder):
  checkpoint_reader.build_generator(checkpoint_reader.read(folder / "0"))


READERS = {
  "a.npz": lambda folder: arrays.load(str(folder / "a.npz"), size=(8, 8)),
  "w.safetensors": lambda folder: safetensors_file.read(
    folder / "w.safetensors"
  ),
  "w.pth": lambda folder: pytorch_file.read(folder / "w.pth"),
  "key.json": answers.read_key,
  "a.csv": lambda folder: answers.read_answers(
    [folder / "a.csv"], answers.Key("s", "t", {"p": ("gated", "x")})
  ),
  "0/config/metadata": read_checkpoint,
  "0/generator/_METADATA": read_checkpoint,
  "0/generator/manifest.ocdbt": read_checkpoint,
  "0/generator/ocdbt.process_0/d/*": read_checkpoint,
}


@pytest.fixture
def folder(checkpoint, tmp_path):
  """A file of each kind."""
  torch = pytest.importorskip("torch")
  np.savez_compressed(tmp_path / "a.npz", **ARRAYS)
  content = safetensors_numpy.save(ARRAYS, metadata={"config": "{}"})
  (tmp_path / "w.safetensors").write_bytes(content)
  torch.save({"G": {"a": torch.ones(1000)}, "D": {}}, tmp_path / "w.pth")
  shown = {"a": {"x": pictures.noise(8, 8)}}
  page.write(tmp_path, shown, seed=0, title="Faces")
  rows = ",".join(page.COLUMNS) + "\ns,a,p,7,1.5\ns,b,p,3,2.5\n"
  (tmp_path / "a.csv").write_text(rows)
  shutil.copytree(checkpoint / "checkpoints" / "0", tmp_path / "0")
  return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_damaged_file_is_read_or_refused(folder, name):
  path = max(folder.glob(name), key=lambda x: x.stat().st_size)
  intact, draw, refused = path.read_bytes(), np.random.default_rng(0), 0
  READERS[name](folder)
  for _ in range(100):
    content = bytearray(intact)
    for bit in draw.integers(8 * len(content), size=draw.integers(1, 9)):
      content[bit // 8] ^= 1 << bit % 8
    if draw.random() < 0.5:
      content = content[: draw.integers(len(content))]
    path.write_bytes(content)
    try:
      READERS[name](folder)
    except errors.UserError as error:
      refused += 1
      assert "\n" not in str(error)
  assert refused > 30
