"""Picture files of all kinds are understood as Pillow understands them."""

import io
import pathlib

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms, ImageOps

from gatedinpaint_jax.data import photo_files
from gatedinpaint_jax.inference import photo_writer
from tests import pictures

PIXELS = pictures.noise(24, 32)
GREY = PIXELS[..., 0]
ALPHA = PIXELS[..., 2]
DEEP = PIXELS.astype(np.uint16) * 257 + 3
ORIENTATION = 0x0112


def save(picture, path, **options) -> pathlib.Path:
  picture.save(path, **options)
  return path


def assert_equal(photo, expected):
  np.testing.assert_array_equal(photo.pixels, expected)
  assert photo.pixels.dtype == expected.dtype


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".webp"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_and_transparency_are_read_as_they_are(tmp_path, suffix, mode):
  pixels = np.dstack([PIXELS, ALPHA])[..., : len(mode)]
  options = {"lossless": True, "exact": True} if suffix == ".webp" else {}
  path = save(Image.fromarray(pixels), tmp_path / f"a{suffix}", **options)
  assert_equal(photo_files.read(path), pixels)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("mode", ["L", "LA", "1", "I;16"])
def test_grey_stays_one_channel(tmp_path, suffix, mode):
  planes = {
    "L": GREY,
    "LA": np.dstack([GREY, ALPHA]),
    "1": (GREY > 127) * np.uint8(255),
    "I;16": DEEP[..., 0],
  }
  picture = Image.fromarray(planes[mode])
  if mode == "1":
    picture = picture.convert("1")
  photo = photo_files.read(save(picture, tmp_path / f"a{suffix}"))
  assert_equal(photo, planes[mode].reshape(24, 32, -1))
  assert photo.has_alpha == (mode == "LA")


def test_one_bit_tiff_may_store_white_as_zero(tmp_path):
  picture = Image.fromarray(GREY).convert("1", dither=Image.Dither.NONE)
  path = save(picture, tmp_path / "a.tif", compression="group4")
  expected = (GREY > 127) * np.uint8(255)
  assert_equal(photo_files.read(path), expected[..., None])


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_palette_is_looked_up(tmp_path, suffix):
  picture = Image.fromarray(PIXELS).quantize(16)
  photo = photo_files.read(save(picture, tmp_path / f"a{suffix}"))
  assert_equal(photo, np.asarray(picture.convert("RGB")))


def test_palette_with_a_transparent_entry_has_alpha(tmp_path):
  picture = Image.fromarray(PIXELS).quantize(16)
  path = save(picture, tmp_path / "a.png", transparency=3)
  photo = photo_files.read(path)
  assert_equal(photo, np.asarray(pictures.opened(path).convert("RGBA")))
  assert set(np.unique(photo.alpha)) == {0, 255}


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_png_with_a_transparent_colour_has_alpha(tmp_path, mode):
  picture = Image.fromarray(PIXELS).convert(mode)
  colour = picture.getpixel((4, 5))
  path = save(picture, tmp_path / "a.png", transparency=colour)
  photo = photo_files.read(path)
  assert photo.pixels.shape[-1] == len(mode) + 1
  assert photo.alpha[5, 4] == 0 and photo.alpha.max() == 255


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_is_decoded_like_pillow_does(tmp_path, mode, progressive):
  picture = Image.fromarray(PIXELS).convert(mode)
  path = tmp_path / "a.jpg"
  save(picture, path, quality=95, subsampling=0, progressive=progressive)
  photo = photo_files.read(path)
  channels = 1 if mode == "L" else 3
  assert photo.pixels.shape == (24, 32, channels)
  expected = np.asarray(pictures.opened(path).convert("RGB"), float)
  # Without a profile, inks become colours by a table that is not Pillow's.
  tolerance = 60 if mode == "CMYK" else 3
  assert np.abs(photo.colours - expected).mean() < tolerance
  assert np.corrcoef(photo.colours.ravel(), expected.ravel())[0, 1] > 0.9


def test_cmyk_becomes_srgb_and_says_so(tmp_path):
  plain, profiled = tmp_path / "plain.jpg", tmp_path / "profiled.jpg"
  picture = Image.fromarray(PIXELS).convert("CMYK")
  photo = photo_files.read(save(picture, plain, quality=95))
  photo_writer.write(tmp_path / "b.png", photo)
  profile = pictures.opened(tmp_path / "b.png").info["icc_profile"]
  assert profile[16:20] == b"RGB "
  # A profile that is not for inks cannot be used, and the usual inks are.
  srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
  save(picture, profiled, quality=95, icc_profile=srgb)
  assert_equal(photo_files.read(profiled), photo.pixels)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_picture_is_upright(tmp_path, suffix, orientation):
  exif = Image.Exif()
  exif[ORIENTATION] = orientation
  options = {".webp": {"lossless": True}, ".jpg": {"subsampling": 0}}
  path = tmp_path / f"a{suffix}"
  save(Image.fromarray(PIXELS), path, exif=exif, **options.get(suffix, {}))
  photo = photo_files.read(path)
  expected = np.asarray(ImageOps.exif_transpose(pictures.opened(path)))
  assert photo.pixels.shape == expected.shape
  assert np.abs(photo.pixels.astype(int) - expected).max() <= 3
  assert photo_files.read_size(path) == expected.shape[:2]
  photo_writer.write(tmp_path / f"b{suffix}", photo)
  written = pictures.opened(tmp_path / f"b{suffix}")
  assert written.getexif().get(ORIENTATION, 1) == 1
  assert written.size == expected.shape[1::-1]


def test_networks_see_sixteen_bits_rounded_to_eight():
  levels = np.arange(2**16, dtype=np.uint16).reshape(256, 256, 1)
  photo = photo_files.Photo(levels, {}, (1.0, 1.0))
  expected = np.round(levels / 257).astype(np.uint8)
  assert photo.colours.shape == (256, 256, 3)
  np.testing.assert_array_equal(photo.colours, np.tile(expected, 3))


def test_luminance_of_grey_is_that_grey():
  greys = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
  for pixels in (greys, np.tile(greys, 3)):
    photo = photo_files.Photo(pixels, {}, (1.0, 1.0))
    np.testing.assert_array_equal(photo.grey, greys[..., 0])


@pytest.mark.parametrize("suffix", [".webp", ".tif"])
def test_first_page_is_taken(tmp_path, suffix):
  pages = [Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)]
  options = {"lossless": True} if suffix == ".webp" else {}
  path = tmp_path / f"a{suffix}"
  save(pages[0], path, save_all=True, append_images=pages[1:], **options)
  assert pictures.opened(path).n_frames == 2
  assert_equal(photo_files.read(path), np.asarray(pages[0]))


def test_first_picture_of_a_stereo_jpeg_is_taken(tmp_path):
  path = tmp_path / "a.jpg"
  pages = [Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)]
  save(pages[0], path, format="MPO", save_all=True, append_images=pages[1:])
  expected = np.asarray(pictures.opened(path).convert("RGB"), int)
  assert np.abs(photo_files.read(path).pixels - expected).mean() < 3


@pytest.mark.parametrize(
  "name", ["b[1].png", "c.png[page=1]", "sp ace é.png", "\udcff.png"]
)
def test_any_name_is_a_name(tmp_path, name):
  path = save(Image.fromarray(PIXELS), tmp_path / "a.png")
  path = path.rename(tmp_path / name)
  assert_equal(photo_files.read(path), PIXELS)


def test_ultra_hdr_of_phones_is_read_as_the_jpeg_that_it_is(tmp_path):
  light = np.random.default_rng(0).uniform(0, 4, (24, 32, 3))
  image = pyvips.Image.new_from_array(light.astype(np.float32))
  data = image.copy(interpretation="scrgb").uhdrsave_buffer()
  assert pyvips.Image.new_from_buffer(data, "").get("vips-loader")[0] == "u"
  (tmp_path / "a.jpg").write_bytes(data)
  photo = photo_files.read(tmp_path / "a.jpg")
  expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
  np.testing.assert_array_equal(photo.pixels, expected)
