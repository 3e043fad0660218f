"""`inpaint` and large pictures."""

import json

import numpy as np
import pytest
from PIL import Image

from gatedinpaint_jax import errors
from gatedinpaint_jax.inference import large_pictures, spread
from tests import small_checkpoint
from tests.inpaint_files import read, run

SIZE = (140, 212)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
  return small_checkpoint.write(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
  monkeypatch.setattr(large_pictures, "MOST_EXACT_PIXELS", 96 * 96)
  monkeypatch.setattr(large_pictures, "_MOST_REDUCED_PIXELS", 64 * 64)


def write(folder, name, pixels, hole):
  for place, x in (("photos", pixels), ("masks", 255 * hole.astype(np.uint8))):
    (folder / place).mkdir(exist_ok=True)
    Image.fromarray(x).save(folder / place / f"{name}.png")


def flags(checkpoint, folder, output="out"):
  return (
    f"--image={folder / 'photos'}",
    f"--mask={folder / 'masks'}",
    f"--output={folder / output}",
    f"--checkpoint={checkpoint}",
    "--backend=jax",
  )


def draw(*shape, dtype=np.uint8):
  most = np.iinfo(dtype).max
  return np.random.default_rng(0).integers(0, most, shape, dtype)


def test_folder_of_sizes_depths_and_holes_is_filled_and_told(
  checkpoint, tmp_path
):
  none = np.zeros(SIZE, bool)
  box, border = none.copy(), none.copy()
  box[30:90, 50:120] = True
  border[:20, :30] = border[-9:, -40:] = True
  photos = {
    "alpha": (draw(*SIZE, 4), box),
    "deep": (draw(*SIZE, dtype=np.uint16), border),
    "empty": (draw(*SIZE, 3), none),
    "grey": (draw(*SIZE), box),
    "small": (draw(40, 64, 3), box[30:70, 50:114]),
    "small_2": (draw(40, 64, 3), border[:40, :64]),
  }
  for name, (pixels, hole) in photos.items():
    write(tmp_path, name, pixels, hole)
  report = tmp_path / "report.jsonl"
  given = flags(checkpoint, tmp_path)
  assert run(*given, f"--report={report}", "--batch_size=2") == 0
  lines = map(json.loads, report.read_text().splitlines())
  told = {line["image"].rpartition("/")[2]: line for line in lines}
  for name, (pixels, hole) in photos.items():
    filled = read(tmp_path / "out" / f"{name}.png")
    assert filled.dtype == pixels.dtype and filled.shape == pixels.shape
    np.testing.assert_array_equal(filled[~hole], pixels[~hole])
    colours = filled[..., :3] if filled.ndim == 3 else filled
    before = pixels[..., :3] if filled.ndim == 3 else pixels
    assert not hole.any() or (colours != before)[hole].mean() > 0.9
    line = told[f"{name}.png"]
    # Windows of at least 256 pixels hold such pictures whole.
    is_large = hole.any() and hole.shape == SIZE
    large = "detail" if is_large else "exact" if hole.any() else None
    assert line["large"] == large and line["status"] == "done"
    assert line["large_reason"] == (
      "212 x 140 pixels around a hole are more than 1024 x 1024, reduced by 3"
      if is_large
      else None
    )


def test_one_picture_tells_how_and_why(checkpoint, tmp_path, capsys):
  hole = np.zeros(SIZE, bool)
  hole[30:90, 50:120] = True
  write(tmp_path, "a", draw(*SIZE, 3), hole)
  given = flags(checkpoint, tmp_path)
  assert run(*given, "--large=detail") == 0
  printed = capsys.readouterr().out
  assert "pixels filled by detail in " in printed
  assert printed.endswith(" s (--large=detail, reduced by 3)\n")
  assert run(*given, "--overwrite", "--large=exact") == 0
  assert "pixels filled in " in capsys.readouterr().out


def test_flag_of_before_is_a_choice_of_today(checkpoint, tmp_path):
  hole = np.zeros(SIZE, bool)
  hole[30:90, 50:120] = True
  write(tmp_path, "a", draw(*SIZE, 3), hole)
  for output, flag in (("a", "--crop_to_hole"), ("b", "--large=crop")):
    assert run(*flags(checkpoint, tmp_path, output), flag) == 0
  np.testing.assert_array_equal(
    read(tmp_path / "a" / "a.png"), read(tmp_path / "b" / "a.png")
  )
  with pytest.raises(errors.UserError, match="leave out --large=detail"):
    run(*flags(checkpoint, tmp_path, "c"), "--crop_to_hole", "--large=detail")
  assert not (tmp_path / "c").exists()


def test_methods_see_windows_but_copy_no_detail(tmp_path):
  hole = np.zeros((300, 600), bool)
  hole[30:90, 50:120] = True
  pixels = np.zeros((300, 600, 3), np.uint8)
  pixels[:, 300:] = 200  # beyond the window
  write(tmp_path, "a", pixels, hole)
  given = [x for x in flags(None, tmp_path) if not x.startswith("--c")]
  given = [*given[:-1], "--method=mean_fill"]
  assert run(*given, "--large=crop") == 0
  assert not read(tmp_path / "out" / "a.png")[:, :300].any()
  with pytest.raises(errors.UserError, match="choose exact or crop"):
    run(*given, "--overwrite", "--large=detail")


def test_large_pictures_are_computed_by_all_cores(
  checkpoint, tmp_path, monkeypatch
):
  asked = []
  monkeypatch.setattr(spread, "use_cores", asked.append)
  hole = np.ones((40, 64), bool)
  write(tmp_path, "a", draw(40, 64, 3), hole)
  assert run(*flags(checkpoint, tmp_path)) == 0
  write(tmp_path, "b", draw(*SIZE, 3), np.ones(SIZE, bool))
  assert run(*flags(checkpoint, tmp_path), "--overwrite") == 0
  assert asked == [1]
