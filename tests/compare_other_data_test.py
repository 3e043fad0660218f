"""`compare` on data of one channel of floats, some of them missing."""

import json
import pathlib

import numpy as np
import pytest

from gatedinpaint_jax import compare
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.evaluation import cases, frozen_masks
from tests import programs

CONFIG = """
from configs import comparison

def get_config():
  config = comparison.get_config()
  config.training.data.update(
    source="arrays", path="heights.npz", image_size=(16, 16),
    range_quantiles=(0.0, 1.0),
  )
  config.training.model.update(width=4, discriminator="none", channels=1)
  config.training.schedule.steps = 1
  config.training.evaluation.pictures = 0
  config.methods.plain = {"model": {"conv": "vanilla"}}
  config.methods.rgb = {"model": {"conv": "vanilla", "channels": 3}}
  config.trained = ("plain",)
  config.order = ("plain", "mean_fill")
  config.mask_kinds = ("rectangle",)
  config.images = "images"
  return config
"""
FLAGS = {"config": "config.py", "workdir": "run"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  pathlib.Path("config.py").write_text(CONFIG)
  pathlib.Path("images").mkdir()
  heights = np.random.default_rng(0).uniform(0, 900, (14, 20, 24, 1))
  heights = heights.astype(np.float32)
  heights[:, :4, :4] = np.nan
  np.savez("heights.npz", images=heights[:12])
  for i in (12, 13):
    np.save(f"images/{i}.npy", heights[i])
  return tmp_path


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_methods_are_trained_and_scored_in_the_units_of_the_data():
  for _ in range(2):  # of finished runs, the range is that of before
    programs.run(compare, **FLAGS)
  compared = json.loads(pathlib.Path("run/comparison.json").read_text())
  compared = compared["masks"]["rectangle"]
  heights = np.load("heights.npz")["images"]
  limits = np.nanmin(heights), np.nanmax(heights)
  assert compared["values"]["channels"] == 1
  np.testing.assert_allclose(
    compared["values"]["value_range"], [limits], rtol=1e-5
  )
  assert compared["known_pixels_changed"] == {"mean_fill": 0, "plain": 0}
  for name in ("mean_fill", "plain"):
    assert 50 < compared["scores"][name]["hole"]["mae"]["mean"] < 900
  page = pathlib.Path("run/comparison.md").read_text()
  assert (
    "| MAE, data units | " in page and "{:g} to {:g}".format(*limits) in page
  )
  case = cases.find(cases.Place("", "images"))[1]
  loader = cases.Loader(
    frozen_masks.MaskSet("rectangle", 0),
    (16, 16),
    values=values_lib.Values(1, ((0.0, 900.0),)),
  )
  loaded = loader.load(case)
  assert loaded.missing.any() and loaded.hole.any()
  for name in ("mean_fill", "plain/seed_0"):
    kept = np.load(f"run/completed/rectangle/{name}/13.npy")
    assert kept.dtype == np.float32
    known = ~loaded.hole
    np.testing.assert_array_equal(kept[known], loaded.image[known])
    assert np.isfinite(kept[loaded.hole]).all()
  assert pathlib.Path("run/comparison.png").exists()


@pytest.mark.parametrize(
  ("flags", "parts"),
  [
    (
      {"config.trained": "('rgb',)"},
      ["rgb.model.channels=3", "set config.training.model.channels for all"],
    ),
    ({"config.lpips": True}, ["config.lpips=True: ", "model.channels=1"]),
    ({"study": "study"}, ["--study=study: people rate RGB, not 1 channels"]),
    (
      {"config.untrained": "('patchmatch',)"},
      ["config.untrained: patchmatch: fills RGB of 8 bits"],
    ),
    (
      {"config.training.data.value_range": "(5.0,1.0)"},
      ["value_range=(5.0, 1.0)"],
    ),
  ],
)
@pytest.mark.usefixtures("folder")
def test_mistake_ends_before_training(refused, flags, parts):
  refused(compare, FLAGS | {"config.size": "(32,32)"} | flags, *parts)
  assert not pathlib.Path("run").exists()
