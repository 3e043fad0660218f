"""Folders of data train like arrays of the same values."""

import numpy as np
import pytest
import tensorflow as tf

from gatedinpaint_jax import errors, values
from gatedinpaint_jax.data import build, photo_files, photos, recipe
from gatedinpaint_jax.inference import photo_writer
from tests import pictures

KINDS = {
  "float32, 13 channels": (np.float32, 13, (-2e4, 2e4)),
  "float32, 1 channel": (np.float32, 1, (-2e4, 2e4)),
  "int16, 2 channels": (np.int16, 2, (-1000, 1000)),
  "uint16, 4 channels": (np.uint16, 4, (0, 4095)),
  "uint8, 5 channels": (np.uint8, 5, (0, 255)),
}


def config(path, kind, source="folder", **data):
  _, channels, limits = KINDS[kind]
  data = {"value_range": limits, "shuffle": False} | data
  result = pictures.config(path, source=source, **data)
  result.model.channels = channels
  return result


def images(kind, size=(20, 30)):
  dtype, channels, _ = KINDS[kind]
  return pictures.data((4, *size, channels), dtype)


def save(folder, suffix, images):
  folder.mkdir()
  for i, pixels in enumerate(images):
    photo = photo_files.Photo(pixels, {}, (1, 1), is_data=True)
    photo_writer.write(folder / f"{i}{suffix}", photo)
  return folder


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".npy", ".tif"])
def test_folder_gives_the_batches_of_its_arrays(tmp_path, suffix, kind):
  given = images(kind)
  np.savez(tmp_path / "a.npz", images=given)
  folder = save(tmp_path / "folder", suffix, given)
  options = {"random_crop": False, "no_data": 77.0}
  (of_folder,) = pictures.take(config(folder, kind, **options), 1)
  # Arrays are cropped anywhere, files at the centre.
  np.savez(tmp_path / "a.npz", images=given[:, 2:-2, 3:-3])
  (of_arrays,) = pictures.take(
    config(tmp_path / "a.npz", kind, "arrays", **options), 1
  )
  np.testing.assert_array_equal(of_folder.image, of_arrays.image, strict=True)
  np.testing.assert_array_equal(of_folder.unknown, of_arrays.unknown)
  is_missing = values.from_config(config(folder, kind, **options)).is_missing
  expected = is_missing(given[:, 2:-2, 3:-3])
  np.testing.assert_array_equal(of_folder.unknown[..., 0] > 0, expected)
  if given.dtype.kind == "f":
    assert 0 < expected.mean() < 1
  assert (of_folder.mask >= of_folder.unknown).all()
  assert np.isfinite(of_folder.image).all()
  assert not of_folder.image[expected].any()


@pytest.mark.parametrize("antialias", [False, True])
def test_scaling_loses_only_what_is_mixed_with_missing_values(antialias):
  pixels = np.ones((32, 48, 2), np.float32)
  pixels[8:10, 16:18, 1] = np.nan
  framing = recipe.Framing(
    size=(16, 24),
    resize="short_side",
    antialias=antialias,
    random_crop=False,
    flip=False,
  )
  scaled = photos.scale(tf.constant(pixels), framing).numpy()
  assert scaled.shape == (16, 24, 2)
  missing = np.isnan(scaled)
  assert not missing[..., 0].any()  # another channel
  assert missing[4, 8, 1]
  near = np.zeros((16, 24), bool)
  near[3:6, 7:10] = True
  assert not missing[~near, 1].any()
  np.testing.assert_allclose(scaled[~missing], 1, rtol=1e-6)


def test_value_that_the_file_calls_missing_is_missing(tmp_path):
  pixels = np.ones((20, 30, 1), np.float32)
  pixels[4:9, 6:9] = -9999
  tags = ((42113, 2, 6, b"-9999\0", True),)
  photo = photo_files.Photo(pixels, {}, (1, 1), tags=tags)
  (tmp_path / "folder").mkdir()
  photo_writer.write(tmp_path / "folder" / "a.tif", photo)
  kind = "float32, 1 channel"
  (batch,) = pictures.take(
    config(tmp_path / "folder", kind, random_crop=False), 1
  )
  expected = pixels[2:-2, 3:-3] == -9999
  for unknown in batch.unknown:
    np.testing.assert_array_equal(unknown > 0, expected)


def test_picture_of_other_channels_is_replaced(tmp_path):
  folder = save(tmp_path / "folder", ".npy", images("uint8, 5 channels"))
  np.save(folder / "0.npy", np.zeros((20, 30, 4), np.uint8))
  (batch,) = pictures.take(config(folder, "uint8, 5 channels"), 1)
  assert batch.image.shape == (4, 16, 24, 5)


@pytest.mark.parametrize(
  ("change", "message"),
  [
    ({"model.channels": 3}, "the first: has 5 channels of data; the model has"),
    ({"data.value_range": ()}, "the first: values are float32, whose range mu"),
  ],
)
def test_reason_why_none_can_be_used_is_told(tmp_path, change, message):
  given = pictures.data((4, 20, 30, 5), np.float32)
  folder = save(tmp_path / "folder", ".tif", given)
  wrong = config(folder, "uint8, 5 channels", no_data=-1.0)
  wrong.update_from_flattened_dict(change)
  with pytest.raises(errors.UserError, match="not one is rea.*" + message):
    build.find_pictures(wrong)
