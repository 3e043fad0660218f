"""`evaluate` on data of other channels, types and ranges than photographs."""

import json
import pathlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from gatedinpaint_jax import evaluate
from gatedinpaint_jax.evaluation import frozen_masks, report_files
from tests import pictures, programs, small_checkpoint

SIZE = (24, 32)
RANGES = {
  np.uint16: (0.0, 4095.0),
  np.int16: (-500.0, 3000.0),
  np.float32: (250.0, 320.0),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  return tmp_path


def draw(seed, channels, dtype):
  """A soft picture within its range."""
  low, high = RANGES[dtype]
  noise = [pictures.noise(*SIZE, 100 * seed + i) for i in range(channels)]
  levels = np.stack([plane[..., 0] for plane in noise], axis=-1) / 255
  return (low + (high - low) * levels).astype(dtype)


def write(folder, images):
  pathlib.Path(folder).mkdir()
  for i, image in enumerate(images):
    np.save(f"{folder}/{i}.npy", image)


def run(*arguments, images="data", output="r.json"):
  programs.run(evaluate, *arguments, images=images, output=output)
  return json.loads(pathlib.Path(output).read_text())


def in_words(dtype):
  return "{:g},{:g}".format(*RANGES[dtype])


@pytest.mark.parametrize("channels", [1, 4, 13])
@pytest.mark.parametrize("dtype", RANGES)
def test_checkpoint_and_methods_are_scored_in_the_units_of_the_data(
  channels, dtype
):
  write("data", [draw(i, channels, dtype) for i in range(3)])
  small_checkpoint.write(
    "run", channels=channels, value_range=list(RANGES[dtype])
  )
  content = run("--checkpoint=run", "--method=mean_fill", "--batch_size=2")
  low, high = RANGES[dtype]
  for report in content["subjects"].values():
    assert report["values"] == {
      "channels": channels,
      "types": [np.dtype(dtype).name],
      "value_range": [[low, high]] * channels,
      "no_data": None,
    }
    assert report["known_pixels_changed"] == 0
    scores = report["scores"]["hole"]
    assert scores["mae"]["mean"] == pytest.approx(
      scores["l1"]["mean"] * (high - low) / 100, rel=1e-4
    )
    assert 0 < scores["mae"]["mean"] < scores["rmse"]["mean"]
  page = pathlib.Path("r.md").read_text()
  assert "In the hole, in the units of the data:" in page
  assert "| MAE, data units | " in page and "| RMSE, data units | " in page
  words = f"of {np.dtype(dtype).name}, range {low:g} to {high:g}, no-data value"
  assert words in page
  alone = run(
    "--method=mean_fill",
    *(f"--channels={channels}", f"--value_range={in_words(dtype)}"),
    output="alone.json",
  )
  assert alone == content["subjects"]["mean_fill"]
  assert "| MAE, data units |  | " in pathlib.Path("alone.md").read_text()
  # The earlier report is known as one, and replaced.
  report_files.check_free(pathlib.Path("r.json"), overwrite=False)


def test_ranges_of_each_channel_give_numbers_of_each():
  heights = draw(0, 2, np.float32) * [1, 0] + [0, 45]
  write("data", [heights.astype(np.float32)])
  done = np.add(heights, [2, 0])
  write("done", [done.astype(np.float32)])
  content = run(
    *("--completed=done", "--method=mean_fill", "--masks=rectangle"),
    *("--channels=2", "--value_range=250,320,0,90"),
  )
  report = content["subjects"]["done"]
  scores = report["scores"]["hole"]
  assert "mae" not in scores
  assert scores["mae_of_channel_0"]["mean"] == pytest.approx(2, rel=1e-5)
  assert scores["rmse_of_channel_1"]["mean"] == 0
  # One by the range of each, in percent, is a mean that says something.
  assert scores["l1"]["mean"] == pytest.approx(100 * 2 / 70 / 2, rel=1e-3)
  assert report["known_pixels_changed"] == 1
  page = pathlib.Path("r.md").read_text()
  assert "| MAE of channel 0, data units | 2.000 [2.000, 2.000] | " in page
  assert "range 250 to 320, 0 to 90, no-data value NaN." in page
  differences = content["comparison"]["differences"]["mean_fill"]["hole"]
  assert differences["mae_of_channel_0"]["mean"] != 0


@pytest.mark.parametrize(
  ("dtype", "no_data"), [(np.float32, None), (np.int16, -999.0)]
)
def test_missing_places_are_in_no_score_and_stay(dtype, no_data):
  images = [draw(i, 1, dtype) for i in range(2)]
  missing = np.zeros(SIZE, bool)
  missing[:16, :24] = True
  for image in images:
    image[missing] = np.nan if no_data is None else no_data
  write("data", images)
  write("done", [np.where(missing[..., None], dtype(7), x) for x in images])
  data = {"value_range": list(RANGES[dtype]), "no_data": no_data}
  small_checkpoint.write("run", channels=1, **data)
  content = run(
    *("--checkpoint=run", "--method=biharmonic", "--masks=rectangle"),
    *("--batch_size=2", "--method=opencv_telea"),
  )
  for report in content["subjects"].values():
    assert report["known_pixels_changed"] == 0
    scores = report["scores"]
    assert 0 < scores["hole"]["l1"]["mean"] < 100
    # All errors are in the hole.
    for i, row in enumerate(report["rows"]):
      hole = frozen_masks.MaskSet("rectangle", 0).mask(i, *SIZE)
      assert (hole & missing).any() and (hole & ~missing).any()
      fraction = (hole & ~missing).mean()
      assert row["hole_fraction"] == pytest.approx(fraction, rel=1e-4)
      share = row["hole_fraction"] * missing.size / (~missing).sum()
      expected = row["hole"]["l1"] * share
      assert row["whole"]["l1"] == pytest.approx(expected, rel=1e-4)
  page = pathlib.Path("r.md").read_text()
  assert f"no-data value {'NaN' if no_data is None else '-999'}." in page
  # A program that fills them too changes nothing that was known.
  flags = [f"--value_range={in_words(dtype)}", "--channels=1"]
  flags += [] if no_data is None else [f"--no_data={no_data}"]
  for size in ([], ["--size=24x32"]):
    report = run("--completed=done", "--masks=rectangle", *flags, *size)
    assert report["known_pixels_changed"] == 0
    assert report["scores"]["whole"]["l1"]["mean"] == 0


@pytest.mark.parametrize("size", [[], ["--size=18x24"]])
def test_what_a_file_says_is_missing_is(size):
  image = draw(0, 1, np.int16)
  image[:16, :24] = -999
  pathlib.Path("data").mkdir()
  tag = (42113, 2, 5, b"-999\0", True)  # as GDAL writes it
  tifffile.imwrite(
    "data/a.tif", image, photometric="minisblack", extratags=[tag]
  )
  small_checkpoint.write("run", channels=1, value_range=list(RANGES[np.int16]))
  said = run("--checkpoint=run", "--method=biharmonic", *size)["subjects"]
  small_checkpoint.write(
    "again", channels=1, value_range=[-500.0, 3000.0], no_data=-999.0
  )
  stated = run("--checkpoint=again", "--method=biharmonic", *size)["subjects"]
  for name, other in (("run", "again"), ("biharmonic", "biharmonic")):
    assert said[name]["known_pixels_changed"] == 0
    assert said[name]["rows"] == stated[other]["rows"]


def test_data_is_scaled_to_a_size():
  image = draw(0, 13, np.float32)
  image[:2, 20:] = np.nan
  write("data", [image])
  report = run(
    *("--method=mean_fill", "--channels=13", "--value_range=250,320"),
    "--size=16x20",
  )
  assert report["size"] == [16, 20]
  assert report["scores"]["hole"]["mae"]["mean"] < 70


def test_masks_alone_need_no_values():
  write("data", [draw(0, 13, np.float32)])
  programs.run(evaluate, images="data", write_masks="masks")
  assert pathlib.Path("masks/0.png").exists()


def test_grid_says_its_scale():
  write("data", [draw(i, 1, np.float32) for i in range(2)])
  labels = []
  with pytest.MonkeyPatch.context() as patch:
    draw_grid = evaluate.pictures.draw_grid
    patch.setattr(
      evaluate.pictures,
      "draw_grid",
      lambda rows, **kwargs: (
        labels.extend(row.label for row in rows) or draw_grid(rows, **kwargs)
      ),
    )
    run("--method=mean_fill", "--channels=1", "--value_range=250,320")
  assert len(labels) == 2
  assert all("%; channel 0: 2" in label for label in labels)
  with Image.open("r.png") as grid:
    assert grid.mode == "RGB"


def test_grey_of_several_depths_has_no_common_unit():
  pathlib.Path("data").mkdir()
  grey = pictures.noise(*SIZE)[..., 0]
  Image.fromarray(grey).save("data/a.png")
  report = run("--method=mean_fill", "--channels=1")
  assert report["values"]["types"] == ["uint8"]
  assert report["scores"]["hole"]["mae"]["mean"] == pytest.approx(
    report["scores"]["hole"]["l1"]["mean"] * 2.55, rel=1e-4
  )
  Image.fromarray(grey.astype(np.uint16) * 257).save("data/b.png")
  for size in (1, 2):
    report = run(
      "--method=mean_fill",
      "--channels=1",
      f"--batch_size={size}",
      "--masks=rectangle",
    )
    assert report["values"]["types"] == ["uint8", "uint16"]
    assert "mae" not in report["scores"]["hole"]


def test_lpips_sees_three_channels_as_they_are_shown(monkeypatch):
  seen = []

  def lpips(*images):
    seen.extend(images)
    return 0.5

  monkeypatch.setattr(evaluate.perceptual, "load", lambda: lpips)
  monkeypatch.setattr(evaluate.perceptual, "MIN_SIDE", 16)
  write("data", [draw(0, 3, np.float32)])
  report = run("--method=mean_fill", "--value_range=250,320", "--lpips")
  assert report["scores"]["whole"]["lpips"]["mean"] == 0.5
  completed, original = seen
  assert completed.dtype == original.dtype == np.uint8
  assert original.shape == (*SIZE, 3)
  assert original.min() == 0 and original.max() == 255
  assert (completed != original).any()
