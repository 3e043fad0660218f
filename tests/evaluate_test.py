"""`evaluate`: what a person gets for a folder of pictures."""

import json
import pathlib

import numpy as np
import pytest
from PIL import Image

from gatedinpaint_jax import evaluate, inpaint
from gatedinpaint_jax.evaluation import frozen_masks
from gatedinpaint_jax.inference import memory, openvino_backend
from tests import pictures, processes, programs, small_checkpoint

# Nine of one size and one of another.
SIZES = [(24, 32)] * 9 + [(16, 24)]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
  folder = tmp_path_factory.mktemp("images")
  for i, size in enumerate(SIZES):
    pictures.write(folder / f"{i}.png", size, seed=i)
  return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
  folder = tmp_path_factory.mktemp("calm")
  return small_checkpoint.write(folder, params=small_checkpoint.calm_params)


def run(output, **options):
  programs.run(evaluate, output=output, **options)
  return json.loads(pathlib.Path(output).read_text())


def test_report_says_what_was_evaluated_and_how_well(images, tmp_path, capsys):
  report = run(tmp_path / "a.json", method="mean_fill", images=images)
  assert report["method"] == "mean_fill" and report["pictures"] == 10
  assert report["masks"]["name"] == "free_form" and report["masks"]["seed"] == 0
  assert report["size"] is None and report["known_pixels_changed"] == 0
  assert {"jax", "dm-pix", "gatedinpaint-jax"} <= report["versions"].keys()
  for part in ("whole", "hole"):
    for name, score in report["scores"][part].items():
      rows = [row[part][name] for row in report["rows"]]
      rows = [value for value in rows if value is not None]
      assert score["pictures"] == len(rows) > 0
      assert score["mean"] == pytest.approx(np.mean(rows), rel=1e-5)
      assert score["low"] <= score["mean"] <= score["high"]
  bins = report["bins"]
  assert [b["hole_percent"] for b in bins] == [
    list(b) for b in frozen_masks.BINS
  ]
  assert sum(b["pictures"] for b in bins) == 10
  tables = (tmp_path / "a.md").read_text()
  assert tables in capsys.readouterr().out
  assert report["masks"]["digest"] in tables and "relative l1, %" in tables
  with Image.open(tmp_path / "a.png") as grid:
    # 24 x 32 becomes 96 x 128, and 16 x 24 becomes 96 x 144.
    assert grid.size[1] == 16 + 6 * (16 + 96)
    assert grid.size[0] in (3 * (128 + 4) - 4, 3 * (144 + 4) - 4)
  assert sorted(p.name for p in tmp_path.iterdir()) == [
    "a.json",
    "a.md",
    "a.png",
  ]


def test_checkpoint_is_named_with_its_step(images, checkpoint, tmp_path):
  report = run(
    tmp_path / "a.json",
    checkpoint=checkpoint,
    images=images / "[01].png",
    batch_size=7,
  )
  assert report["method"] == "checkpoint" and report["step"] == 0
  has_openvino = openvino_backend.is_installed()
  assert report["backend"] == ("openvino" if has_openvino else "jax")
  assert report["checkpoint"] == str(checkpoint)
  assert report["known_pixels_changed"] == 0
  assert report["scores"]["hole"]["l1"]["mean"] > 0
  assert f"{checkpoint}, step 0" in (tmp_path / "a.md").read_text()


@pytest.mark.slow
def test_number_of_devices_does_not_change_the_numbers(
  images, checkpoint, tmp_path
):
  options = {
    "checkpoint": checkpoint,
    "images": images,
    "backend": "jax",
    "batch_size": 4,
  }
  on_eight = run(tmp_path / "8.json", **options)
  flags = [f"--{key}={value}" for key, value in options.items()]
  output = tmp_path / "1.json"
  processes.run("-m", evaluate.__name__, *flags, f"--output={output}")
  on_one = json.loads(output.read_text())
  assert on_one["masks"] == on_eight["masks"]
  for one, eight in zip(on_one["rows"], on_eight["rows"], strict=True):
    assert one["name"] == eight["name"]
    for part in ("whole", "hole"):
      assert one[part] == pytest.approx(eight[part], rel=1e-5), one["name"]


def test_results_of_inpaint_score_like_the_method(images, tmp_path):
  report = run(
    tmp_path / "a.json",
    method="mean_fill",
    images=images,
    write_masks=tmp_path / "masks",
  )
  programs.run(
    inpaint,
    image=images,
    mask=tmp_path / "masks",
    output=tmp_path / "completed",
    method="mean_fill",
  )
  again = run(
    tmp_path / "b.json",
    completed=tmp_path / "completed",
    images=images,
    masks=tmp_path / "masks",
  )
  assert again["method"] == "completed"
  # The digest is of pixels, drawn or read.
  assert again["masks"]["digest"] == report["masks"]["digest"]
  assert again["rows"] == report["rows"]


def test_what_is_not_read_is_noted(tmp_path, capsys):
  first, second = (Image.fromarray(pictures.noise(24, 32, i)) for i in (0, 1))
  folder = tmp_path / "photos"
  folder.mkdir()
  first.save(folder / "a.webp", save_all=True, append_images=[second])
  (folder / "notes.txt").write_text("x")
  run(tmp_path / "a.json", method="mean_fill", images=folder)
  printed = capsys.readouterr().out
  assert "a.webp: only the first of its 2 pictures is read" in printed
  assert f"note: {folder}: passed over 1 .txt" in printed


def test_masks_of_the_wrong_polarity_are_noted(images, tmp_path, capsys):
  mask = np.full((24, 32), 255, np.uint8)
  mask[:9] = 0
  Image.fromarray(mask).save(tmp_path / "mask.png")
  run(
    tmp_path / "a.json",
    method="mean_fill",
    images=images / "0.png",
    masks=tmp_path / "mask.png",
  )
  note = "note: 1 masks are more hole than picture, such as that of 0; white"
  assert note in capsys.readouterr().out


def test_batch_too_large_for_memory_says_what_evaluate_can_do(
  images, checkpoint, tmp_path, monkeypatch, capsys
):
  monkeypatch.setattr(memory, "available", lambda: 300_000)
  monkeypatch.chdir(tmp_path)
  flags = {
    "checkpoint": checkpoint,
    "images": images,
    "output": "a.json",
    "backend": "jax",
  }
  printed = programs.refusal(evaluate, flags, monkeypatch, capsys)
  assert "24 x 32 pixels need" in printed
  assert printed.endswith("are free; name a smaller --size")
  flags["batch_size"] = 4
  printed = programs.refusal(evaluate, flags, monkeypatch, capsys)
  assert "4 pictures of 24 x 32" in printed
  assert printed.endswith("are free; name a smaller --batch_size or --size")


def test_masks_alone_are_written_for_other_programs(images, tmp_path):
  programs.run(
    evaluate,
    images=images,
    masks="rectangle",
    mask_seed=3,
    size="20x28",
    write_masks=tmp_path / "new" / "masks",
  )
  written = np.asarray(Image.open(tmp_path / "new" / "masks" / "9.png"))
  expected = frozen_masks.MaskSet("rectangle", 3).mask(9, 20, 28)
  np.testing.assert_array_equal(written == 255, expected)
  np.testing.assert_array_equal(written == 0, ~expected)
