"""`inpaint`: what a person gets for one picture."""

import json

import numpy as np
import pytest
from PIL import Image

from gatedinpaint_jax import errors
from gatedinpaint_jax.evaluation import methods
from gatedinpaint_jax.inference import spread
from tests import pictures, small_checkpoint
from tests.inpaint_files import SIZE, read, run, write_mask


@pytest.fixture(scope="module")
def guided_checkpoint(tmp_path_factory):
  return small_checkpoint.write(tmp_path_factory.mktemp("guided"), guided=True)


@pytest.fixture
def folder(tmp_path):
  """A photo and its mask; the hole is its upper left quarter."""
  pictures.write(tmp_path / "photo.png")
  write_mask(tmp_path / "mask.png")
  return tmp_path


def flags(checkpoint, folder, *, output="out.png", method=None):
  return (
    f"--method={method}" if method else f"--checkpoint={checkpoint}",
    f"--image={folder / 'photo.png'}",
    f"--mask={folder / 'mask.png'}",
    f"--output={folder / output}",
  )


def test_one_picture_is_filled_in_its_hole_and_nowhere_else(
  checkpoint, folder, capsys
):
  assert run(*flags(checkpoint, folder)) == 0
  photo, result = read(folder / "photo.png"), read(folder / "out.png")
  hole = read(folder / "mask.png") >= 128
  np.testing.assert_array_equal(result[~hole], photo[~hole])
  assert np.mean(result[hole] != photo[hole]) > 0.9
  assert "out.png: 25.0% of 32 x 24 pixels filled" in capsys.readouterr().out


def test_pictures_at_once_are_shared_by_as_many_cores(
  checkpoint, folder, monkeypatch
):
  pytest.importorskip("onnx", reason="needs the extra openvino")
  asked = []
  monkeypatch.setattr(spread, "use_cores", asked.append)
  for backend in ("jax", "openvino", "auto"):
    given = flags(checkpoint, folder, output=f"{backend}.png")
    assert run(*given, "--batch_size=3", f"--backend={backend}") == 0
  # OpenVINO gives all cores to one picture.
  assert asked == [3]
  assert run(*flags(checkpoint, folder), "--backend=jax", "--crop_to_hole") == 0
  assert asked == [3]


def test_result_that_is_there_stays_unless_it_may_be_overwritten(
  checkpoint, folder, capsys
):
  (folder / "out.png").write_text("mine")
  assert run(*flags(checkpoint, folder)) == 0
  assert (folder / "out.png").read_text() == "mine"
  assert "--overwrite" in capsys.readouterr().out
  assert run(*flags(checkpoint, folder), "--overwrite") == 0
  assert read(folder / "out.png").shape == (*SIZE, 3)


@pytest.mark.parametrize(
  ("edge", "level", "words"),
  [
    (0, 0, "mask.png is empty: picture unchanged"),
    (255, 255, "mask.png covers the entire picture"),
    (0, 255, "mask.png is 96% hole: was --invert_mask meant?"),
  ],
)
def test_unusual_masks_are_told(folder, capsys, edge, level, words):
  mask = np.full(SIZE, level, np.uint8)
  mask[0] = edge
  Image.fromarray(mask).save(folder / "mask.png")
  assert run(*flags(None, folder, method="mean_fill")) == 0
  assert f"note: {folder}/{words}" in capsys.readouterr().out
  is_unchanged = read(folder / "out.png") == read(folder / "photo.png")
  assert is_unchanged.all() == (level == 0)


def test_sketch_guides_the_fill(guided_checkpoint, folder):
  sketch = np.zeros(SIZE, np.uint8)
  sketch[2:4] = 255
  Image.fromarray(sketch).save(folder / "sketch.png")
  Image.fromarray(255 - sketch).save(folder / "inverted.png")
  results = []
  for extra in (
    [],
    [f"--sketch={folder / 'sketch.png'}"],
    [f"--sketch={folder / 'inverted.png'}", "--invert_sketch"],
  ):
    assert run(*flags(guided_checkpoint, folder), "--overwrite", *extra) == 0
    results.append(read(folder / "out.png"))
  assert np.any(results[0] != results[1])
  np.testing.assert_array_equal(results[1], results[2])


def test_crop_to_hole_computes_the_neighbourhood_alone(checkpoint, tmp_path):
  size = (300, 520)
  pictures.write(tmp_path / "photo.png", size=size)
  mask = np.zeros(size, np.uint8)
  mask[40:60, 30:70] = mask[200:290, 440:500] = 255
  Image.fromarray(mask).save(tmp_path / "mask.png")
  report = tmp_path / "report.jsonl"
  given = flags(checkpoint, tmp_path)
  assert run(*given, "--crop_to_hole", f"--report={report}") == 0
  photo, result = read(tmp_path / "photo.png"), read(tmp_path / "out.png")
  np.testing.assert_array_equal(result[mask == 0], photo[mask == 0])
  assert np.mean(result[mask > 0] != photo[mask > 0]) > 0.9
  # The first window is what a picture of only this part would give.
  Image.fromarray(photo[:256, :256]).save(tmp_path / "photo.png")
  Image.fromarray(mask[:256, :256]).save(tmp_path / "mask.png")
  assert run(*flags(checkpoint, tmp_path, output="part.png")) == 0
  np.testing.assert_array_equal(
    read(tmp_path / "part.png")[:100], result[:100, :256]
  )


def test_picture_becomes_what_a_method_makes_of_it(folder):
  report = folder / "report.jsonl"
  given = flags(None, folder, method="mean_fill")
  assert run(*given, f"--report={report}") == 0
  hole = read(folder / "mask.png") >= 128
  expected = methods.load("mean_fill")(read(folder / "photo.png"), hole)
  np.testing.assert_array_equal(read(folder / "out.png"), expected)
  line = json.loads(report.read_text())
  assert line["method"] == "mean_fill" and line["checkpoint"] is None


def test_checkpoint_whose_config_is_of_another_model(folder, tmp_path):
  workdir = small_checkpoint.write(tmp_path / "run")
  (config,) = (workdir / "checkpoints" / "0" / "config").glob("metadata")
  saved = json.loads(config.read_text())
  for change, message in (
    ({"width": 8}, "another model than its arrays"),
    ({"guided": True}, "another model than its arrays"),
    ({"conv": "none"}, "describes no model"),
    (None, "describes no model"),
  ):
    model = {**saved["model"], **change} if change else {}
    config.write_text(json.dumps({**saved, "model": model}))
    with pytest.raises(errors.UserError, match=message):
      run(*flags(workdir, folder))
