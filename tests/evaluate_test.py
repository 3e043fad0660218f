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

# Nine of one size and one of another: batches of 7 and 64 are not full.
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


def assert_same_scores(a, b, *, tolerance):
  assert a["masks"] == b["masks"]
  for x, y in zip(a["rows"], b["rows"], strict=True):
    assert (x["name"], x["hole_fraction"]) == (y["name"], y["hole_fraction"])
    for part in ("whole", "hole"):
      assert x[part].keys() == y[part].keys()
      for name, value in x[part].items():
        assert value == pytest.approx(y[part][name], rel=tolerance), name


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


def test_scores_of_a_picture_are_those_of_plain_numpy(images, tmp_path):
  report = run(
    tmp_path / "a.json", method="mean_fill", images=images, masks="rectangle"
  )
  original = np.asarray(Image.open(images / "3.png")) / 255
  hole = frozen_masks.MaskSet("rectangle", 0).mask(3, *SIZES[3])
  mean = np.round(255 * original[~hole].mean(0)) / 255
  error = np.abs(original - mean)[hole]
  row = report["rows"][3]
  assert row["name"] == "3"
  assert row["hole"]["relative_l1"] == pytest.approx(
    100 * error.sum() / original[hole].sum(), rel=1e-4
  )
  assert row["whole"]["l1"] == pytest.approx(
    100 * error.sum() / original.size, rel=1e-4
  )


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
def test_batch_size_does_not_change_the_numbers(images, checkpoint, tmp_path):
  reports = [
    run(
      tmp_path / f"{size}.json",
      checkpoint=checkpoint,
      images=images / "[0-8].png",  # of one size
      batch_size=size,
    )
    for size in (1, 7, 64)
  ]
  # Another size is another program, which may round a level of 255 otherwise.
  for report in reports[1:]:
    assert_same_scores(reports[0], report, tolerance=1e-3)


@pytest.mark.slow
def test_number_of_devices_does_not_change_the_numbers(
  images, checkpoint, tmp_path
):
  reports = []
  for devices in (1, 8):
    output = tmp_path / f"{devices}.json"
    processes.run(
      *("-m", "gatedinpaint_jax.evaluate", "--batch_size=4"),
      *(f"--checkpoint={checkpoint}", f"--images={images}"),
      f"--output={output}",
      XLA_FLAGS=f"--xla_force_host_platform_device_count={devices}",
    )
    reports.append(json.loads(output.read_text()))
  assert_same_scores(*reports, tolerance=1e-5)


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


def test_originals_have_no_error(images, tmp_path):
  report = run(
    tmp_path / "a.json", completed=images, images=images, masks="free_form"
  )
  scores = report["scores"]["whole"]
  assert scores["l1"]["mean"] == 0 and scores["ssim"]["mean"] == 1
  assert scores["psnr"]["mean"] is None and scores["psnr"]["pictures"] == 0
  assert scores["psnr"]["of_pictures"] == 10


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


def test_changed_known_pixels_are_told(images, tmp_path, capsys):
  changed = tmp_path / "changed"
  changed.mkdir()
  for path in images.iterdir():
    pixels = np.asarray(Image.open(path))
    Image.fromarray(255 - pixels).save(changed / path.name)
  report = run(
    tmp_path / "a.json", completed=changed, images=images, masks="rectangle"
  )
  assert report["known_pixels_changed"] == 10
  assert "10 pictures have known pixels that differ" in capsys.readouterr().out


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


def test_further_scores_are_in_the_report(
  images, tmp_path, monkeypatch, capsys
):
  monkeypatch.setattr(
    evaluate.perceptual, "load", lambda: lambda image, reference: 0.25
  )
  monkeypatch.setattr(evaluate.perceptual, "MIN_SIDE", 16)
  monkeypatch.setattr(
    evaluate.fid, "load", lambda path: lambda image: image.mean((0, 1))
  )
  weights = tmp_path / "weights.pt"
  weights.write_bytes(b"")
  report = run(
    tmp_path / "a.json",
    method="mean_fill",
    images=images,
    lpips=True,
    fid_weights=weights,
  )
  assert report["scores"]["whole"]["lpips"]["mean"] == 0.25
  assert report["fid"]["value"] > 0
  assert report["fid"]["note"] in capsys.readouterr().out
  tables = (tmp_path / "a.md").read_text()
  assert "| LPIPS | 0.2500 [0.2500, 0.2500] |" in tables
  assert "| FID, no interval |" in tables
