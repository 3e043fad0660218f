"""What is written holds what was read."""

import errno
import os

import numpy as np
import pytest

from gatedinpaint_jax import batch, errors, values
from gatedinpaint_jax.data import photo_files
from gatedinpaint_jax.inference import photo_writer
from tests import pictures

PIXELS = pictures.noise(24, 32)
HOLE = np.zeros((24, 32), bool)
HOLE[8:16, 4:20] = True
LOSSLESS = (".png", ".webp", ".tif", ".tiff")


def make_photo(pixels):
  return photo_files.Photo(pixels, {}, (1.0, 1.0))


def prediction():
  levels = np.random.default_rng(1).uniform(-1.2, 1.2, (24, 32, 3))
  return levels.astype(np.float32)


def with_channels(channels, dtype):
  deep = PIXELS.astype(np.uint16) * 257 + 3 if dtype == np.uint16 else PIXELS
  return np.dstack([deep, deep[::-1, :, 0]])[..., :channels]


def test_filled_pixels_are_those_of_the_inpainter():
  photo = make_photo(PIXELS)
  filled = photo_writer.composite(photo, prediction(), HOLE).pixels
  expected = np.where(HOLE[..., None], batch.to_uint8(prediction()), PIXELS)
  np.testing.assert_array_equal(filled, expected)
  np.testing.assert_array_equal(photo.pixels, PIXELS)


def test_sixteen_bits_are_filled_over_their_whole_range():
  photo = make_photo(with_channels(3, np.uint16))
  ramp = np.linspace(-1, 1, 24 * 32 * 3, dtype=np.float32).reshape(24, 32, 3)
  filled = photo_writer.composite(photo, ramp, np.ones_like(HOLE)).pixels
  assert filled.min() == 0 and filled.max() == 2**16 - 1
  assert len(np.unique(filled)) == filled.size


def test_grey_is_filled_with_the_luminance():
  photo = make_photo(PIXELS[..., :1])
  colour = np.broadcast_to(np.float32([1, -1, -1]), (24, 32, 3))
  filled = photo_writer.composite(photo, colour, HOLE).pixels
  assert set(filled[HOLE].ravel()) == {round(0.299 * 255)}


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(
  ("suffix", "dtype"),
  [
    *((suffix, np.uint8) for suffix in LOSSLESS),
    *((suffix, np.uint16) for suffix in LOSSLESS if suffix != ".webp"),
  ],
)
def test_known_pixels_and_alpha_survive_to_the_bit(
  tmp_path, suffix, channels, dtype
):
  pixels = with_channels(channels, dtype)
  if channels == 4:
    pixels[:4, ..., 3] = 0  # colours count under full transparency too
  photo = photo_writer.composite(make_photo(pixels), prediction(), HOLE)
  photo_writer.write(tmp_path / f"a{suffix}", photo)
  again = photo_files.read(tmp_path / f"a{suffix}")
  np.testing.assert_array_equal(again.colours, photo.colours)
  if suffix != ".webp":  # which knows no grey
    np.testing.assert_array_equal(again.pixels, photo.pixels)
  before = make_photo(pixels)
  np.testing.assert_array_equal(again.colours[~HOLE], before.colours[~HOLE])
  if photo.has_alpha:
    np.testing.assert_array_equal(again.alpha, before.alpha)


@pytest.mark.parametrize("suffix", [".tif", ".tiff", ".npy"])
@pytest.mark.parametrize("dtype", values.DTYPES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 13])
def test_data_of_any_kind_survives_to_the_bit(
  tmp_path, suffix, dtype, channels
):
  for height, width in ((24, 31), (1, 1), (1, 9), (9, 1)):
    pixels = pictures.data((height, width, channels), dtype)
    photo = make_photo(pixels)._replace(is_data=channels not in (1, 3))
    photo_writer.write(tmp_path / f"a{suffix}", photo)
    again = photo_files.read(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(again.pixels, pixels)
    assert again.pixels.dtype == dtype
    assert again.pixels.tobytes() == pixels.tobytes()


@pytest.mark.parametrize("shape", [(24, 31), (24, 31, 1), (24, 31, 3)])
def test_array_keeps_its_axes(tmp_path, shape):
  array = pictures.data(shape, np.float32)
  np.save(tmp_path / "a.npy", array)
  photo_writer.write(tmp_path / "b.npy", photo_files.read(tmp_path / "a.npy"))
  np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), array, strict=True)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
@pytest.mark.parametrize(
  ("shape", "dtype", "lost"),
  [
    ((24, 32, 1), np.int16, "int16 values"),
    ((24, 32, 3), np.float32, "float32 values"),
    ((24, 32, 4), np.uint8, "4 channels of data"),
    ((24, 32, 13), np.uint16, "13 channels of data"),
  ],
)
def test_format_of_photographs_holds_no_data(
  tmp_path, name, shape, dtype, lost
):
  photo = make_photo(np.ones(shape, dtype))._replace(is_data=True)
  with pytest.raises(
    errors.UserError, match=f"cannot keep the picture's {lost}; name a .tif or"
  ):
    photo_writer.write(tmp_path / name, photo)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_close_and_grey_stays_grey(tmp_path, channels):
  photo = make_photo(PIXELS[..., :channels])
  photo_writer.write(tmp_path / "a.JPG", photo)
  again = photo_files.read(tmp_path / "a.JPG")
  assert again.pixels.shape == photo.pixels.shape
  assert np.abs(again.pixels.astype(int) - photo.pixels).max() <= 12


@pytest.mark.parametrize(
  ("name", "pixels", "lost"),
  [
    ("a.jpg", with_channels(4, np.uint8), "transparency"),
    ("a.JPEG", with_channels(2, np.uint8), "transparency"),
    ("a.jpg", with_channels(3, np.uint16), "16 bits"),
    ("a.webp", with_channels(3, np.uint16), "16 bits"),
    ("a.webp", np.zeros((1, 16384, 3), np.uint8), "side of 16384 pixels"),
    ("a.jpg", np.zeros((65501, 1, 1), np.uint8), "side of 65501 pixels"),
  ],
)
def test_format_that_cannot_hold_it_is_refused(tmp_path, name, pixels, lost):
  path = tmp_path / name
  for refuse in (photo_writer.check_writable, photo_writer.write):
    with pytest.raises(errors.UserError, match=f"{path}: .*{lost}; name a"):
      refuse(path, make_photo(pixels))
  assert not list(tmp_path.iterdir())


def test_longest_sides_can_be_written(tmp_path):
  for name, side in (("a.webp", 16383), ("a.jpg", 65500), ("a.png", 70000)):
    photo = make_photo(np.zeros((1, side, 3), np.uint8))
    photo_writer.write(tmp_path / name, photo)
    assert photo_files.read_size(tmp_path / name) == (1, side)


def test_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
  def fail(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

  (tmp_path / "a.png").write_text("before")
  monkeypatch.setattr(os, "replace", fail)
  with pytest.raises(errors.UserError, match="No space left on device"):
    photo_writer.write(tmp_path / "a.png", make_photo(PIXELS))
  assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
  assert (tmp_path / "a.png").read_text() == "before"


def test_what_cannot_be_encoded_is_told(tmp_path, monkeypatch):
  monkeypatch.delitem(photo_writer._MAX_SIDE, ".webp")
  photo = make_photo(np.zeros((1, 16384, 3), np.uint8))
  with pytest.raises(errors.UserError, match=r"a\.webp: cannot be encoded"):
    photo_writer.write(tmp_path / "a.webp", photo)
  assert not list(tmp_path.iterdir())
