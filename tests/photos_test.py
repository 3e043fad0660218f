import numpy as np
import pytest
import tensorflow as tf

from gatedinpaint_jax.data import photos, recipe
from tests import pictures

SEED = tf.constant([1, 2], tf.int64)
GRADIENT = np.broadcast_to(
  np.arange(0, 240, 6, dtype=np.uint8)[:, None, None], (40, 60, 3)
)


def frame(pixels, **framing):
  framing = recipe.Framing(**framing)
  return photos.crop(photos.scale(pixels, framing), SEED, framing).numpy()


def decode(data):
  return photos.decode(tf.constant(data)).numpy()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_colour_pictures_decode_to_rgb(kind):
  pixels = np.full((8, 8, 3), (250, 120, 10), np.uint8)
  decoded = decode(pictures.encoded(pixels, kind)).astype(int)
  assert decoded.shape == (8, 8, 3)
  assert np.abs(decoded - pixels).max() <= 3


@pytest.mark.parametrize(
  "mode,kind",
  [("L", "PNG"), ("L", "JPEG"), ("P", "PNG"), ("1", "PNG"), ("LA", "PNG")],
)
def test_grey_and_palette_pictures_decode_to_equal_channels(mode, kind):
  pixels = np.full((8, 8, 3), 255, np.uint8)
  pixels[4:] = 0
  decoded = decode(pictures.encoded(pixels, kind, mode=mode)).astype(int)
  assert np.abs(decoded - pixels).max() <= 3


def test_transparency_is_dropped_not_blended():
  pixels = np.full((8, 8, 4), (200, 100, 50, 0), np.uint8)
  data = pictures.encoded(pixels, "PNG", mode="RGBA")
  np.testing.assert_array_equal(decode(data), pixels[..., :3])


def test_enlarge_covers_the_size_by_the_larger_ratio_rounded_up():
  # Ratio 48 / 40: 60 * 48 / 40 = 72 columns.
  framing = recipe.Framing(size=(48, 64))
  resized = photos.scale(tf.constant(GRADIENT), framing)
  assert resized.shape == (48, 72, 3)
  # 41 * 56 / 50 = 45.92 rows.
  odd = photos.scale(tf.zeros([41, 50, 3], tf.uint8), recipe.Framing((40, 56)))
  assert odd.shape == (46, 56, 3)


def test_enlarge_leaves_larger_pictures_alone():
  framed = frame(GRADIENT, size=(16, 24), random_crop=False)
  np.testing.assert_array_equal(framed, GRADIENT[12:28, 18:42])


def test_short_side_just_covers_the_size():
  framing = recipe.Framing(size=(16, 16), resize="short_side")
  assert photos.scale(tf.constant(GRADIENT), framing).shape == (16, 24, 3)


def test_bilinear_scaling_is_the_one_of_opencv():
  pixels = np.array([[0, 100], [200, 40]], np.uint8)[..., None]
  # cv2.resize(pixels, (4, 4), interpolation=cv2.INTER_LINEAR): sample centres
  # at 0.25 and 0.75 of the way between the pixels, the border repeated.
  expected = [
    [0, 25, 75, 100],
    [50, 59, 76, 85],
    [150, 126, 79, 55],
    [200, 160, 80, 40],
  ]
  np.testing.assert_array_equal(
    frame(pixels, size=(4, 4), resize="stretch")[..., 0], expected
  )


def test_antialias_averages_what_the_plain_scaling_skips():
  stripes = np.zeros((16, 64, 3), np.uint8)
  stripes[:, ::4] = 252
  plain = frame(stripes, size=(16, 16), resize="stretch")
  smooth = frame(stripes, size=(16, 16), resize="stretch", antialias=True)
  assert plain.max() == 0
  assert abs(smooth.mean() - 63) < 5
