"""Ranges are measured once, per channel, without missing values."""

import json

import numpy as np
import pytest

from configs import places2
from gatedinpaint_jax import check_data, errors
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import value_ranges


@pytest.fixture
def config(tmp_path):
  config = places2.get_config()
  config.data.source = "arrays"
  config.data.path = str(tmp_path / "a.npz")
  config.data.image_size = (8, 8)
  config.data.range_quantiles = (0.0, 1.0)
  config.model.channels = 2
  config.evaluation.pictures = 1
  return config


def save(config, images):
  np.savez(config.data.path, images=images)


def draw():
  """Returns 8 pictures: metres from 0 to 1000, and degrees from -5 to 5."""
  images = np.random.default_rng(0).uniform(0, 1, (8, 8, 16, 2))
  return np.float32(images * [1000, 10] - [0, 5])


def test_each_channel_has_the_quantiles_of_its_known_values(config):
  images = draw()
  images[:, :, 8:] = np.nan
  save(config, images)
  # The first of the pictures is held out.
  known = images[1:, :, :8].reshape(-1, 2)
  for quantiles in ((0.0, 1.0), (0.25, 0.5)):
    config.data.range_quantiles = quantiles
    measured = value_ranges.fill_in(config).data.value_range
    expected = np.quantile(known.astype(float), quantiles, axis=0).T
    np.testing.assert_allclose(measured, expected)


def test_range_of_a_checkpoint_is_kept(config):
  saved = {"range_quantiles": [0.0, 1.0], "value_range": [[0, 1], [2, 3]]}
  save(config, draw())
  kept = value_ranges.fill_in(config, {"data": saved})
  assert kept.data.value_range == ((0, 1), (2, 3))
  saved["range_quantiles"] = [0.1, 0.9]
  measured = value_ranges.fill_in(config, {"data": saved}).data.value_range
  assert measured == value_ranges.fill_in(config).data.value_range
  config.data.value_range = (0.0, 7.0)
  stated = value_ranges.fill_in(config, {"data": saved})
  assert stated.data.value_range == (0.0, 7.0)


@pytest.mark.parametrize(
  ("images", "expected"),
  [
    (np.zeros((8, 8, 8, 2), np.uint16), "both are 0 in channel 0; state"),
    (np.full((8, 8, 8, 2), np.nan, np.float32), "have no known value"),
  ],
)
def test_pictures_without_a_range_are_refused(config, images, expected):
  save(config, images)
  with pytest.raises(errors.UserError, match=expected):
    value_ranges.fill_in(config)


def test_picture_that_training_leaves_out_is_left_out(config, tmp_path):
  folder = tmp_path / "folder"
  folder.mkdir()
  (folder / "0.npy").write_text("no picture")
  np.save(folder / "1.npy", np.zeros((8, 8, 3), np.float32))
  config.data.update(source="folder", path=str(folder))
  config.evaluation.pictures = 0
  with pytest.raises(errors.UserError) as caught:
    value_ranges.fill_in(config)
  path, message = folder / "0.npy", str(caught.value)
  assert f"config.data.range_quantiles: {path}: not a picture" in message
  assert message.count(str(path)) == 1
  np.save(folder / "2.npy", draw()[0])
  measured = value_ranges.fill_in(config).data.value_range
  expected = np.quantile(draw()[0].reshape(-1, 2), (0, 1), axis=0).T
  np.testing.assert_allclose(measured, expected)


def test_cloud_storage_is_not_read_twice(config):
  config.data.path = "gs://bucket/a.npz"
  with pytest.raises(errors.UserError, match="alone; state"):
    value_ranges.fill_in(config)


def test_each_channel_of_a_picture_has_its_own_range():
  pixels = np.zeros((4, 4, 3), np.float32)
  pixels[..., 0], pixels[..., 1], pixels[..., 2] = 0.1, 1e8, np.arange(4)
  pixels[0, 0] = np.nan
  values = values_lib.of_picture(pixels)
  assert values.ranges[2] == (0, 3)
  known = ~values.is_missing(pixels)
  assert np.isfinite(values.normalize(pixels)[known]).all()
  restored = values.restore(values.normalize(pixels)[known], np.float32)
  np.testing.assert_allclose(restored, pixels[known], rtol=1e-6)


def test_check_data_tells_what_was_measured_and_not_what_was_stated(
  config, capsys
):
  save(config, np.arange(1024, dtype=np.float32).reshape(8, 8, 8, 2))
  flags = ["--config=configs/small.py", "--config.data.source=arrays"]
  flags += [f"--config.data.path={config.data.path}", "--json"]
  flags += ["--config.data.image_size=(8,8)", "--config.model.channels=2"]
  flags += ["--config.data.range_quantiles=(0.0,1.0)"]
  flags += ["--config.mask.kind=boxes"]
  assert check_data.main(["", *flags]) == 0
  facts = json.loads(capsys.readouterr().out)["facts"]["training"]
  assert len(facts["config.data.value_range"]) == 2
  assert (
    check_data.main(["", *flags, "--config.data.value_range=(0.0,9.0)"]) == 0
  )
  assert "value_range" not in capsys.readouterr().out
