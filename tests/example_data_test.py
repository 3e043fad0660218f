"""The data of the examples in docs/data.md."""

import json
import pathlib

import numpy as np
import pytest
from PIL import Image

from benchmarks import grids, landscape
from configs import elevation, six_bands
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import arrays
from tests import processes


def make(kind, folder):
  done = processes.run(
    "benchmarks/example_data.py", f"--kind={kind}", f"--output={folder}"
  )
  return done


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
  """The folder of the six-band scenes, and the line that was printed."""
  folder = tmp_path_factory.mktemp("six_bands")
  done = make("six_bands", folder)
  assert done.returncode == 0, done.stderr
  return folder, json.loads(done.stdout)


@pytest.mark.parametrize("size", [(344, 403), (640, 768)])
def test_no_pixel_is_trained_on_and_held_out(size):
  training, held_out = grids.split(np.arange(np.prod(size)).reshape(*size, 1))
  trained = np.unique(grids.turn(grids.cut(training, 128, step=88)))
  tiles = grids.cut(held_out, 64, step=64)
  assert not np.isin(tiles, trained).any()
  # No pixel is held out twice, and hardly any is used for nothing.
  assert len(np.unique(tiles)) == tiles.size
  assert len(trained) + tiles.size > 0.9 * np.prod(size)


def test_tiles_are_turned_by_all_quarters():
  tile = np.arange(9).reshape(1, 3, 3, 1)
  corners = grids.turn(tile)[:, 0, 0, 0]
  assert sorted(corners) == [0, 2, 6, 8]


def test_scenes_can_be_trained_on(scenes):
  folder, printed = scenes
  config = six_bands.get_config()
  values = values_lib.from_config(config)
  for name in ("train", "held_out"):
    images = arrays.load(
      str(folder / f"{name}.npz"), size=config.data.image_size, values=values
    ).images
    assert images.dtype == np.float32
    assert list(images.shape) == printed[name]["shape"]
    low, high = values.bounds(images.dtype)
    beyond = (images < low) | (images > high)
    assert beyond.mean() < 1e-3, name
  assert 0.1 < printed["train"]["missing"] < 0.2
  assert printed["held_out"]["missing"] == 0


def test_clouds_hide_a_quarter_of_the_scenes_and_nothing_else(scenes):
  folder, _ = scenes
  paths = sorted((folder / "held_out").iterdir())
  held_out = np.load(folder / "held_out.npz")["images"]
  assert (
    len(paths) == len(held_out) == six_bands.get_config().evaluation.pictures
  )
  for path, image in zip(paths, held_out, strict=True):
    np.testing.assert_array_equal(np.load(path), image)
    cloudy = np.load(folder / "cloudy" / path.name)
    clouds = np.array(Image.open(folder / "clouds" / f"{path.stem}.png")) > 0
    assert clouds.mean() == pytest.approx(0.25, abs=0.01)
    np.testing.assert_array_equal(np.isnan(cloudy).all(axis=-1), clouds)
    np.testing.assert_array_equal(cloudy[~clouds], image[~clouds])


def test_scene_follows_from_its_seed():
  scene = landscape.draw(40, 48, seed=3)
  assert scene.shape == (40, 48, len(landscape.BANDS))
  np.testing.assert_array_equal(scene, landscape.draw(40, 48, seed=3))
  assert (scene != landscape.draw(40, 48, seed=4)).mean() > 0.9


def test_elevation_is_that_of_matplotlib_in_the_range_of_the_config(
  tmp_path, monkeypatch
):
  samples = tmp_path / "matplotlib" / "mpl-data" / "sample_data"
  samples.mkdir(parents=True)
  (samples.parents[1] / "__init__.py").touch()
  heights = np.array([[236, 1076]], np.int16)
  np.savez(samples / "jacksboro_fault_dem.npz", elevation=heights)
  monkeypatch.syspath_prepend(tmp_path)
  read = grids.read_elevation()
  np.testing.assert_array_equal(read, heights[..., None])
  assert read.dtype == np.int16
  normalized = values_lib.from_config(elevation.get_config()).normalize(read)
  assert np.abs(normalized).max() < 1


def test_without_matplotlib_one_line_says_what_to_install(tmp_path):
  # A module of this name that is no package stands for none.
  (tmp_path / "none").mkdir()
  hide = "import sys; sys.modules['matplotlib'] = None\n"
  (tmp_path / "none" / "sitecustomize.py").write_text(hide)
  path = f"{tmp_path / 'none'}:{processes.ROOT}"
  done = processes.run(
    "benchmarks/example_data.py",
    "--kind=elevation",
    f"--output={tmp_path / 'out'}",
    PYTHONPATH=path,
  )
  assert done.returncode == 2
  (line,) = done.stderr.splitlines()
  assert "pip install matplotlib" in line
  assert not pathlib.Path(tmp_path / "out").exists()
