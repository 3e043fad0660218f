"""The program fills data of any channels and type, and keeps what it is."""

import json
import pathlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from gatedinpaint_jax import inpaint
from tests import programs, small_checkpoint

# The place and the missing value of a GeoTIFF.
TAGS = [
  (33550, "d", 3, (30.0, 30.0, 0.0), True),
  (33922, "d", 6, (0.0, 0.0, 0.0, 5e5, 4e6, 0.0), True),
  (42113, "s", 0, "-9999", True),
]


@pytest.fixture(scope="module")
def elevation(tmp_path_factory):
  """A checkpoint for metres."""
  folder = tmp_path_factory.mktemp("elevation")
  return small_checkpoint.write(
    folder, channels=1, value_range=[-100, 3000], no_data=None
  )


@pytest.fixture(scope="module")
def bands(tmp_path_factory):
  """A checkpoint for six bands of reflectance."""
  folder = tmp_path_factory.mktemp("bands")
  return small_checkpoint.write(folder, channels=6, value_range=[0, 1])


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)


def draw(*shape, low, high, dtype):
  values = np.random.default_rng(0).uniform(low, high, shape)
  return values.astype(dtype)


def test_gaps_of_an_elevation_are_filled_and_its_place_is_kept(elevation):
  heights = draw(24, 30, low=0, high=2000, dtype=np.int16)
  gap = np.zeros(heights.shape, bool)
  gap[5:12, 8:20] = True
  heights[gap] = -9999
  tifffile.imwrite("dem.tif", heights, extratags=TAGS)
  code = inpaint.main(
    ["", "--image=dem.tif", "--output=out.tif", f"--checkpoint={elevation}"]
  )
  assert code == 0
  with tifffile.TiffFile("out.tif") as file:
    filled = file.asarray()
    place = [file.pages[0].tags[code].value for code in (33550, 33922)]
  assert filled.dtype == np.int16
  np.testing.assert_array_equal(filled[~gap], heights[~gap])
  assert (filled[gap] >= -100).all() and (filled[gap] <= 3000).all()
  assert place == [TAGS[0][3], TAGS[1][3]]


def test_mask_fills_its_place_alone(bands):
  scene = draw(16, 16, 6, low=0, high=1, dtype=np.float32)
  scene[:4, :4, 2] = np.nan
  hole = np.zeros((16, 16), np.uint8)
  hole[8:12, 8:12] = 255
  np.save("scene.npy", scene)
  Image.fromarray(hole).save("mask.png")
  flags = ["--image=scene.npy", "--mask=mask.png", "--output=out.npy"]
  assert inpaint.main(["", *flags, f"--checkpoint={bands}"]) == 0
  filled = np.load("out.npy")
  assert filled.dtype == np.float32
  np.testing.assert_array_equal(filled[hole == 0], scene[hole == 0])
  assert np.isfinite(filled[hole > 0]).all()
  assert (filled != scene)[hole > 0].all()


def test_folder_keeps_the_format_of_each(bands):
  scene = draw(16, 16, 6, low=0, high=1, dtype=np.float32)
  scene[2:6, 2:6] = np.nan
  for name in ("a", "b"):
    np.save(f"{name}.npy", scene)
  tifffile.imwrite(
    "c.tif", scene, photometric="minisblack", planarconfig="contig"
  )
  flags = ["--image=*.npy", "--image=c.tif", "--output=out", "--format=same"]
  flags += ["--batch_size=3", "--report=report.jsonl"]
  assert inpaint.main(["", *flags, f"--checkpoint={bands}"]) == 0
  first = np.load("out/a.npy")
  np.testing.assert_array_equal(first, np.load("out/b.npy"))
  np.testing.assert_array_equal(first, tifffile.imread("out/c.tif"))
  report = pathlib.Path("report.jsonl").read_text()
  lines = map(json.loads, report.splitlines())
  assert [line["hole_fraction"] for line in lines] == [16 / 256] * 3


def test_named_value_is_missing(elevation):
  grey = draw(16, 16, low=100, high=200, dtype=np.uint16)
  grey[3:9, 3:9] = 0
  Image.fromarray(grey).save("a.png")
  flags = ["--image=a.png", "--output=b.png", "--no_data=0"]
  assert inpaint.main(["", *flags, f"--checkpoint={elevation}"]) == 0
  filled = np.asarray(Image.open("b.png"))
  np.testing.assert_array_equal(filled[grey > 0], grey[grey > 0])
  assert (filled[grey == 0] > 0).all()


@pytest.mark.parametrize("method", ["mean_fill", "biharmonic", "opencv_telea"])
def test_methods_fill_gaps_too(method):
  heights = np.add.outer(np.arange(24), np.arange(30)).astype(np.int16)
  given = heights.copy()
  given[5:9, 8:12] = -9999
  tifffile.imwrite("dem.tif", given, extratags=TAGS)
  flags = ["--image=dem.tif", "--output=out.tif", f"--method={method}"]
  assert inpaint.main(["", *flags]) == 0
  filled = tifffile.imread("out.tif")
  np.testing.assert_array_equal(filled[given >= 0], heights[given >= 0])
  # Only biharmonic continues a slope; the others stay within its values.
  most = {"biharmonic": 0, "opencv_telea": 5, "mean_fill": 40}[method]
  assert np.abs(filled - heights).max() <= most


@pytest.mark.parametrize(
  ("image", "output", "expected"),
  [
    ("a.png", "o.png", "--mask is missing"),
    ("a.npy", "o.npy", "no value of it stands for a missing one"),
    ("b.npy", "o.npy", "b.npy: has 3 channels"),
    ("c.npy", "o.png", "name a .tif or .npy"),
  ],
)
def test_mistakes_are_one_line(
  image, output, expected, bands, monkeypatch, capsys
):
  levels = draw(16, 16, 6, low=100, high=200, dtype=np.uint8)
  Image.fromarray(levels[..., 0]).save("a.png")
  np.save("a.npy", levels)
  np.save("b.npy", draw(16, 16, 3, low=0, high=1, dtype=np.float32))
  np.save("c.npy", draw(16, 16, 6, low=0, high=1, dtype=np.float32))
  flags = {"image": image, "output": output, "checkpoint": bands}
  printed = programs.refusal(inpaint, flags, monkeypatch, capsys)
  assert expected in printed


def test_floats_without_a_range_are_one_line(tmp_path, monkeypatch, capsys):
  checkpoint = small_checkpoint.write(tmp_path.parent / f"{tmp_path.name}_rgb")
  np.save("a.npy", draw(16, 16, 3, low=0, high=1, dtype=np.float32))
  flags = {"image": "a.npy", "output": "o.npy", "checkpoint": checkpoint}
  flags |= {"no_data": -9999}
  printed = programs.refusal(inpaint, flags, monkeypatch, capsys)
  assert "a.npy: values are float32, whose range must be stated" in printed


def test_alpha_is_not_data_to_a_method():
  colours = draw(16, 16, 4, low=10, high=200, dtype=np.uint8)
  colours[4:8, 4:8] = 0  # black, and transparent
  Image.fromarray(colours).save("a.png")
  flags = ["--image=a.png", "--output=b.png", "--no_data=0"]
  assert inpaint.main(["", *flags, "--method=mean_fill"]) == 0
  filled = np.asarray(Image.open("b.png"))
  np.testing.assert_array_equal(filled[..., 3], colours[..., 3])
  assert (filled[4:8, 4:8, :3] > 0).all()
