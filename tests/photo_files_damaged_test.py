"""A file that is no picture, or no longer a whole one, is told in one line."""

import struct
import zlib

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import photo_files
from tests import pictures, processes

PIXELS = pictures.noise(24, 32)


def assert_refused(path, *parts):
  for read in (photo_files.read, photo_files.read_size):
    with pytest.raises(errors.UserError) as caught:
      read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    # What the library says of a file must not name it once more.
    assert message.count(str(path)) == 1
    for part in parts:
      assert part in message


def assert_cut_is_refused(path, data, lengths):
  path.write_bytes(data)
  pixels = photo_files.read(path).pixels
  for length in lengths:
    path.write_bytes(data[:length])
    try:
      photo = photo_files.read(path)
    except errors.UserError as error:
      assert "\n" not in str(error), length
    else:  # there may be no pixel in the last byte before the end of a JPEG
      assert photo.notes and length == len(data) - 3
      np.testing.assert_array_equal(photo.pixels, pixels)


@pytest.mark.parametrize(
  ("suffix", "mode", "options"),
  [
    *((".jpg", mode, {}) for mode in ("L", "RGB", "CMYK")),
    *((".jpg", mode, {"progressive": True}) for mode in ("L", "RGB", "CMYK")),
    (".webp", "RGB", {}),
    (".webp", "RGB", {"lossless": True}),
    (".tif", "RGB", {}),
    (".tif", "RGB", {"compression": "tiff_lzw"}),
    (".tif", "RGB", {"compression": "jpeg"}),
  ],
)
def test_picture_cut_short_is_refused_wherever_it_ends(
  tmp_path, suffix, mode, options
):
  path = tmp_path / f"a{suffix}"
  Image.fromarray(PIXELS).convert(mode).save(path, **options)
  data = path.read_bytes()
  # Without the two bytes of a JPEG's end marker, all pixels are there.
  lengths = [*range(1, len(data) - 2, 41), len(data) - 3]
  assert_cut_is_refused(path, data, lengths)


def test_png_cut_short_is_refused_unless_all_pixels_are_there(tmp_path):
  path = tmp_path / "a.png"
  data = pictures.encoded(PIXELS, "PNG")
  pixels_end = len(data) - 12 - 4  # before the end's chunk, and a checksum
  lengths = [*range(1, pixels_end, 41), pixels_end - 5]
  assert_cut_is_refused(path, data, lengths)
  path.write_bytes(data[:-12])
  np.testing.assert_array_equal(photo_files.read(path).pixels, PIXELS)


KINDS = "must be a jpg, png, webp, tiff, gif, bmp, avif, heic or npy"


@pytest.mark.parametrize(
  ("make", "parts"),
  [
    (lambda path: path.write_text("a text\n" * 50), ["not a picture", KINDS]),
    (lambda path: path.write_text("<svg></svg>"), ["not a picture", KINDS]),
    (lambda path: path.touch(), ["empty file, 0 bytes"]),
    (lambda path: path.mkdir(), ["a folder, not a picture"]),
    (lambda path: None, ["no such file"]),
    (lambda path: path.symlink_to("nowhere.png"), ["no such file"]),
    (
      lambda path: path.symlink_to(path.name),
      ["cannot be read (Too many levels"],
    ),
  ],
  ids=["text", "svg", "empty", "folder", "missing", "dangling", "loop"],
)
def test_what_is_no_picture_says_what_it_is(tmp_path, make, parts):
  make(tmp_path / "a.png")
  assert_refused(tmp_path / "a.png", *parts)


def test_name_cannot_forge_a_line(tmp_path):
  with pytest.raises(errors.UserError) as caught:
    photo_files.read(tmp_path / "a.png\nerror: b\x1b[2J.png")
  assert r"a.png\nerror: b\x1b[2J.png: no such file" in str(caught.value)


def test_name_that_cannot_be_opened_says_why(tmp_path):
  assert_refused(tmp_path / ("a" * 300 + ".png"), "File name too long")
  (tmp_path / "file").write_text("x")
  assert_refused(tmp_path / "file" / "a.png", "Not a directory")


def test_suffix_may_be_that_of_another_format_that_is_read(tmp_path):
  (tmp_path / "a.jpg").write_bytes(pictures.encoded(PIXELS, "PNG"))
  photo = photo_files.read(tmp_path / "a.jpg")
  np.testing.assert_array_equal(photo.pixels, PIXELS)


@pytest.mark.parametrize("kind", [np.int8, np.uint32, np.int32, np.float64])
@pytest.mark.parametrize("channels", [1, 5])
def test_other_types_of_values_say_which_are_read(tmp_path, kind, channels):
  pixels = np.dstack([PIXELS, PIXELS])[..., :channels].astype(kind).squeeze()
  tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack")
  assert_refused(tmp_path / "a.tif", "save it as uint8, uint16, int16 or float")


@pytest.mark.parametrize(
  ("options", "reason"),
  [
    ({"tile": (16, 16)}, "tiled separate planes not supported"),
    ({"compression": "lzma"}, "LZMA compression support is not configured"),
  ],
)
def test_layout_that_is_not_read_is_not_called_damaged(
  tmp_path, options, reason
):
  planes = pictures.data((5, 32, 48), np.float32)
  options = {"planarconfig": "separate", "photometric": "minisblack"} | options
  tifffile.imwrite(tmp_path / "a.tif", planes, **options)
  with pytest.raises(errors.UserError) as caught:
    photo_files.read(tmp_path / "a.tif")
  assert f"a.tif: cannot be read ({reason}); save it as" in str(caught.value)


def test_few_bytes_cannot_claim_endless_channels(tmp_path):
  image = pyvips.Image.black(16000, 16000, bands=12)
  image.write_to_file(tmp_path / "a.tif", compression="deflate")
  assert (tmp_path / "a.tif").stat().st_size < 2**24
  assert_refused(tmp_path / "a.tif", "of 12 channels; the limit is 2147483648")


def test_size_is_refused_from_the_header_alone(tmp_path):
  data = bytearray(pictures.encoded(PIXELS, "PNG"))
  data[16:24] = struct.pack(">II", 60001, 60000)  # width, height
  data[29:33] = zlib.crc32(data[12:29]).to_bytes(4)
  (tmp_path / "a.png").write_bytes(data)
  assert_refused(
    tmp_path / "a.png", "60001 x 60000 pixels; the limit is 268435456"
  )


def damaged_files(folder):
  """Writes a whole picture and one for each kind of complaint."""
  jpeg = pictures.encoded(PIXELS)
  png_data = pictures.encoded(PIXELS, "PNG")
  tiff = pictures.encoded(PIXELS, "TIFF")
  markers = b"\xff\x00\xff\xd0\xff\x00\xff\xd1\xff\x00"
  files = {
    "a.jpg": jpeg[:-300] + markers + jpeg[-290:],
    "b.jpg": jpeg[:2] + bytes(4) + jpeg[2:],
    "c.jpg": jpeg[:-300],
    "d.webp": pictures.encoded(PIXELS, "WEBP")[:-20],
    "e.tif": tiff[:-20],
    "f.tif": tiff[:4] + b"\xff" * 4 + tiff[8:],
    "g.png": png_data[:60] + b"\xff\x00" + png_data[62:],
    "h.png": png_data,
  }
  for name, data in files.items():
    (folder / name).write_bytes(data)


def test_library_says_nothing_beside_our_line(tmp_path):
  """In a program that shows the warnings of its packages."""
  damaged_files(tmp_path)
  program = (
    "import logging, pathlib, sys\n"
    "logging.basicConfig(level=logging.WARNING)\n"
    "from gatedinpaint_jax import errors\n"
    "from gatedinpaint_jax.data import photo_files\n"
    "from gatedinpaint_jax.inference import photo_writer\n"
    "for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
    "  try:\n"
    "    photo = photo_files.read(path)\n"
    "    photo_writer.write(path.with_name('out.png'), photo)\n"
    "  except errors.UserError as error:\n"
    "    print(error)\n"
  )
  result = processes.run("-c", program, tmp_path)
  assert result.returncode == 0, result.stderr
  assert result.stderr == ""
  assert len(result.stdout.splitlines()) == 5, result.stdout


def test_reason_is_that_of_the_file_itself(tmp_path):
  damaged_files(tmp_path)
  photo_files.read(tmp_path / "b.jpg")  # what is wrong with it does no harm
  with pytest.raises(errors.UserError, match="unable to parse image"):
    photo_files.read(tmp_path / "d.webp")
