"""`inpaint`: what a person gets for one picture and for folders of them."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from gatedinpaint_jax import inpaint
from tests import pictures, small_checkpoint

SIZE = (24, 32)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
  return small_checkpoint.write(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def guided_checkpoint(tmp_path_factory):
  return small_checkpoint.write(tmp_path_factory.mktemp("guided"), guided=True)


@pytest.fixture
def folder(tmp_path):
  """A photo and its mask; the hole is its upper left quarter."""
  write_photo(tmp_path / "photo.png")
  write_mask(tmp_path / "mask.png")
  return tmp_path


def write_photo(path, seed=0, size=SIZE):
  path.parent.mkdir(exist_ok=True)
  Image.fromarray(pictures.noise(*size, seed)).save(path)


def write_mask(path, size=SIZE, level=255):
  mask = np.zeros(size, np.uint8)
  mask[: size[0] // 2, : size[1] // 2] = level
  path.parent.mkdir(exist_ok=True)
  Image.fromarray(mask).save(path)


def run(*arguments):
  return inpaint.main(["inpaint", *map(str, arguments)])


def flags(checkpoint, folder, *, mask="mask.png", output="out.png"):
  return (
    f"--checkpoint={checkpoint}",
    f"--image={folder / 'photo.png'}",
    f"--mask={folder / mask}",
    f"--output={folder / output}",
  )


def read(path):
  return np.asarray(Image.open(path))


def test_one_picture_is_filled_in_its_hole_and_nowhere_else(
  checkpoint, folder, capsys
):
  assert run(*flags(checkpoint, folder)) == 0
  photo, result = read(folder / "photo.png"), read(folder / "out.png")
  hole = read(folder / "mask.png") >= 128
  np.testing.assert_array_equal(result[~hole], photo[~hole])
  assert np.mean(result[hole] != photo[hole]) > 0.9
  assert "out.png: 25.0% of 32 x 24 pixels filled" in capsys.readouterr().out


def test_result_that_is_there_stays_unless_it_may_be_overwritten(
  checkpoint, folder, capsys
):
  (folder / "out.png").write_text("mine")
  assert run(*flags(checkpoint, folder)) == 0
  assert (folder / "out.png").read_text() == "mine"
  assert "--overwrite" in capsys.readouterr().out
  assert run(*flags(checkpoint, folder), "--overwrite") == 0
  assert read(folder / "out.png").shape == (*SIZE, 3)


def test_empty_mask_returns_the_picture_and_says_so(checkpoint, folder, capsys):
  write_mask(folder / "mask.png", level=0)
  assert run(*flags(checkpoint, folder)) == 0
  np.testing.assert_array_equal(
    read(folder / "out.png"), read(folder / "photo.png")
  )
  assert "mask.png is empty: picture unchanged" in capsys.readouterr().out


def test_full_mask_fills_everything_and_says_so(checkpoint, folder, capsys):
  Image.new("L", SIZE[::-1], 255).save(folder / "mask.png")
  assert run(*flags(checkpoint, folder)) == 0
  assert "covers the whole picture" in capsys.readouterr().out


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
    arguments = (*flags(guided_checkpoint, folder), "--overwrite", *extra)
    assert run(*arguments) == 0
    results.append(read(folder / "out.png"))
  assert np.any(results[0] != results[1])
  np.testing.assert_array_equal(results[1], results[2])


def test_crop_to_hole_computes_the_neighbourhood_alone(checkpoint, tmp_path):
  size = (300, 520)
  write_photo(tmp_path / "photo.png", size=size)
  mask = np.zeros(size, np.uint8)
  mask[40:60, 30:70] = mask[200:290, 440:500] = 255
  Image.fromarray(mask).save(tmp_path / "mask.png")
  report = tmp_path / "report.jsonl"
  assert (
    run(*flags(checkpoint, tmp_path), "--crop_to_hole", f"--report={report}")
    == 0
  )
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


def make_many(folder, count):
  for i in range(count):
    size = SIZE if i % 3 else (16, 24)
    write_photo(folder / "photos" / f"{i}.png", seed=i, size=size)
    write_mask(folder / "masks" / f"{i}.png", size=size)
  return (
    f"--image={folder / 'photos'}",
    f"--mask={folder / 'masks'}",
    f"--output={folder / 'out'}",
  )


def test_batches_give_what_single_pictures_give(checkpoint, tmp_path):
  arguments = (*make_many(tmp_path, 8), f"--checkpoint={checkpoint}")
  assert run(*arguments) == 0
  alone = {p.name: read(p) for p in (tmp_path / "out").iterdir()}
  assert len(alone) == 8
  assert run(*arguments, "--overwrite", "--batch_size=4") == 0
  for name, expected in alone.items():
    together = read(tmp_path / "out" / name).astype(int)
    np.testing.assert_allclose(together, expected.astype(int), atol=1)


def test_log_file_gets_lines_of_progress(
  checkpoint, tmp_path, monkeypatch, capsys
):
  monkeypatch.setattr(inpaint, "_SECONDS_PER_LINE", 0)
  assert run(*make_many(tmp_path, 3), f"--checkpoint={checkpoint}") == 0
  assert capsys.readouterr().out.splitlines() == [
    "1 of 3 pictures",
    "2 of 3 pictures",
    "3 of 3 pictures",
    "3 pictures done, 0 failed",
  ]


def test_failing_files_are_told_at_the_end_and_stop_nothing(
  checkpoint, tmp_path, capsys
):
  arguments = (*make_many(tmp_path, 9), f"--checkpoint={checkpoint}")
  photos = tmp_path / "photos"
  (photos / "0.png").write_text("a text")
  (photos / "1.png").write_bytes(b"")
  write_mask(tmp_path / "masks" / "2.png", size=(10, 10))
  (photos / "9.png").mkdir()
  write_mask(tmp_path / "masks" / "9.png")
  write_photo(photos / "10.png")
  report = tmp_path / "report.jsonl"
  assert run(*arguments, f"--report={report}", "--batch_size=2") == 1
  printed = capsys.readouterr()
  assert "6 pictures done, 5 failed" in printed.out
  reasons = [
    line for line in printed.err.splitlines() if line.startswith("failed: ")
  ]
  assert len(reasons) == 5
  for reason in (
    "0.png: not a picture",
    "1.png: empty file",
    "2.png: the mask is 10 x 10",
    "9.png: a folder",
    "10.png: no mask named 10.*",
  ):
    assert any(reason in line for line in reasons), reason
  assert len(list((tmp_path / "out").iterdir())) == 6

  lines = [json.loads(line) for line in report.read_text().splitlines()]
  assert len(lines) == 11
  done = [line for line in lines if line["status"] == "done"]
  assert {line["image"] for line in done} == {
    str(photos / f"{i}.png") for i in range(3, 9)
  }
  assert (done[0]["height"], done[0]["width"]) in (SIZE, (16, 24))
  assert done[0]["hole_fraction"] == 0.25 and done[0]["seconds"] > 0
  assert done[0]["checkpoint"] == str(checkpoint)

  # A second run does what is left, and reports that alone.
  write_photo(photos / "0.png", size=(16, 24))
  assert run(*arguments, f"--report={report}") == 1
  assert "6 of 11 results are there already" in capsys.readouterr().out
  lines = [json.loads(line) for line in report.read_text().splitlines()]
  assert [line["status"] for line in lines[11:]].count("done") == 1
  assert len(lines) == 16


def test_killed_run_leaves_whole_pictures_and_goes_on(checkpoint, tmp_path):
  arguments = (*make_many(tmp_path, 40), f"--checkpoint={checkpoint}")
  out = tmp_path / "out"
  child = subprocess.Popen(
    [sys.executable, "-m", "gatedinpaint_jax.inpaint", *arguments],
    env={**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[1])},
    stderr=subprocess.PIPE,
  )
  while len(list(out.glob("*.png"))) < 5:
    assert child.poll() is None, child.stderr.read()
    time.sleep(0.002)
  child.send_signal(signal.SIGKILL)
  child.communicate()
  done = {path: path.read_bytes() for path in out.glob("*.png")}
  assert 5 <= len(done) < 40
  for path in done:
    assert read(path).shape in ((*SIZE, 3), (16, 24, 3))
  assert run(*arguments) == 0
  assert len(list(out.iterdir())) == len(list(out.glob("*.png"))) == 40
  assert done == {path: path.read_bytes() for path in done}


def test_picture_too_large_for_memory_is_told_and_stops_nothing(
  checkpoint, tmp_path, monkeypatch, capsys
):
  arguments = (*make_many(tmp_path, 4), f"--checkpoint={checkpoint}")
  monkeypatch.setattr(
    "gatedinpaint_jax.inference.memory.available", lambda: 400_000
  )
  assert run(*arguments, "--batch_size=2") == 1
  printed = capsys.readouterr()
  # 24 x 32 needs more than that, 16 x 24 does not, two of these do.
  assert "2 pictures done, 2 failed" in printed.out
  assert "--crop_to_hole" in printed.err


def test_second_run_of_the_command_needs_no_tensorflow(checkpoint, folder):
  program = (
    "import sys\n"
    "from gatedinpaint_jax import inpaint\n"
    "code = inpaint.main(sys.argv)\n"
    "sys.exit('TensorFlow' if 'tensorflow' in sys.modules else code)\n"
  )
  result = subprocess.run(
    [sys.executable, "-c", program, *flags(checkpoint, folder)],
    env={**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[1])},
    capture_output=True,
    text=True,
  )
  assert result.returncode == 0, result.stderr
  assert (folder / "out.png").is_file()
  # The program was kept for the next run.
  cache = pathlib.Path(os.environ["XDG_CACHE_HOME"], "gatedinpaint_jax")
  assert list((cache / "compiled").iterdir())
