"""Profile, Exif data and resolution stay; previews do not."""

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from gatedinpaint_jax.data import photo_files, photo_header
from gatedinpaint_jax.inference import photo_writer
from tests import pictures

PIXELS = pictures.noise(24, 32)
SUFFIXES = (".jpg", ".png", ".webp", ".tif")
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
MAKE, TAKEN_ON, GPS = 0x010F, 0x9003, 0x8825


def make_exif():
  exif = Image.Exif()
  exif[MAKE] = "Acme"
  exif.get_ifd(0x8769)[TAKEN_ON] = "2020:01:02 03:04:05"
  exif.get_ifd(GPS).update({1: "N", 2: (48.0, 12.0, 30.5)})
  return exif


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("source", [".jpg", ".png", ".webp"])
def test_profile_exif_and_resolution_stay(tmp_path, source, suffix):
  path = tmp_path / f"a{source}"
  Image.fromarray(PIXELS).save(
    path, exif=make_exif(), icc_profile=PROFILE, dpi=(300, 300)
  )
  photo_writer.write(tmp_path / f"b{suffix}", photo_files.read(path))
  written = pictures.opened(tmp_path / f"b{suffix}")
  assert written.info["icc_profile"] == PROFILE
  if ".webp" not in (source, suffix):
    assert np.allclose(written.info["dpi"], 300, atol=0.1)
  if suffix not in (".tif", ".tiff"):
    exif = written.getexif()
    assert exif[MAKE] == "Acme"
    assert exif.get_ifd(0x8769)[TAKEN_ON] == "2020:01:02 03:04:05"
    assert exif.get_ifd(GPS)[1] == "N"
    assert np.allclose([float(x) for x in exif.get_ifd(GPS)[2]], [48, 12, 30.5])


def photo_with(tmp_path, **fields):
  """Returns a photo whose file held binary fields, and Exif data."""
  image = pyvips.Image.new_from_array(PIXELS)
  image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Make", "Acme")
  for field, value in fields.items():
    image.set_type(pyvips.GValue.blob_type, field.replace("_", "-"), value)
  image.write_to_file(tmp_path / "a.jpg")
  return photo_files.read(tmp_path / "a.jpg")


def assert_is_left_behind(mark, photo, tmp_path):
  assert mark in (tmp_path / "a.jpg").read_bytes()
  for suffix in SUFFIXES:
    photo_writer.write(tmp_path / f"b{suffix}", photo)
    assert mark not in (tmp_path / f"b{suffix}").read_bytes(), suffix
  assert pictures.opened(tmp_path / "b.jpg").getexif()[MAKE] == "Acme"


def test_exif_thumbnail_does_not_show_what_was_in_the_hole(tmp_path):
  thumbnail = pictures.encoded(255 - PIXELS)
  photo = photo_with(tmp_path, jpeg_thumbnail_data=thumbnail)
  assert_is_left_behind(thumbnail[-60:-20], photo, tmp_path)


@pytest.mark.parametrize(
  ("field", "mark"),
  [
    ("xmp_data", b"<xmpGImg:image>"),
    ("iptc_data", b"8BIM\x04\x0c"),
    ("iptc_data", b"8BIM\x04\x09"),
  ],
)
def test_previews_of_photoshop_are_left_behind(tmp_path, field, mark):
  before = b"Photoshop 3.0\0" if field == "iptc_data" else b"<x:xmpmeta>"
  photo = photo_with(tmp_path, **{field: before + mark + b"a face" * 9})
  assert_is_left_behind(b"a face" * 9, photo, tmp_path)


def test_captions_stay(tmp_path):
  captions = {
    "xmp_data": b"<x:xmpmeta>by whom</x:xmpmeta>",
    "iptc_data": b"Photoshop 3.0\0008BIM\x04\x04\0\0\0\0\0\x08by whom.",
  }
  photo = photo_with(tmp_path, **captions)
  photo_writer.write(tmp_path / "b.jpg", photo)
  image = pyvips.Image.new_from_file(str(tmp_path / "b.jpg"))
  for field, value in captions.items():
    assert image.get(field.replace("_", "-")) == value


@pytest.mark.parametrize("order", ["II", "MM"])
@pytest.mark.parametrize("prefix", [b"Exif\0\0", b""])
def test_first_directory_becomes_the_last(order, prefix):
  end = {"II": "little", "MM": "big"}[order]
  tiff = order.encode() + (42).to_bytes(2, end) + (8).to_bytes(4, end)
  directory = (2).to_bytes(2, end) + b"twelve bytes" * 2
  data = prefix + tiff + directory
  changed = photo_header._without_thumbnail(data + b"next" + b"rest")
  assert changed == data + bytes(4) + b"rest"


@pytest.mark.parametrize("source", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("length", [7, 8, 14, 20, 60, 150])
def test_exif_data_that_is_cut_short_does_no_harm(tmp_path, source, length):
  path = tmp_path / f"a{source}"
  exif = make_exif().tobytes()[:length]
  Image.fromarray(PIXELS).save(path, exif=exif, quality=95)
  photo = photo_files.read(path)
  for suffix in SUFFIXES:
    photo_writer.write(tmp_path / f"b{suffix}", photo)
    assert pictures.opened(tmp_path / f"b{suffix}").size == (32, 24)
