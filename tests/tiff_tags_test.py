"""TIFF files of data, as other programs write them, and their tags."""

import io

import numpy as np
import pytest
import pyvips
import tifffile

from gatedinpaint_jax import errors, values
from gatedinpaint_jax.data import photo_files, tiff_tags
from gatedinpaint_jax.inference import photo_writer
from tests import pictures, processes

ASCII, SHORT, DOUBLE = 2, 3, 12
# A grid of 10 m in zone 32 of UTM, as GDAL writes it.
PLACE = (
  (33550, DOUBLE, 3, (10.0, 10.0, 0.0), True),
  (33922, DOUBLE, 6, (0.0, 0.0, 0.0, 399960.0, 5300040.0, 0.1), True),
  (34735, SHORT, 8, (1, 1, 0, 1, 3072, 0, 1, 32632), True),
  (34736, DOUBLE, 1, 0.017453292519943295, True),
  (34737, ASCII, 8, b"WGS \xe984|\0"[:8], True),
  (42112, ASCII, 15, b"<GDALMetadata/>", True),
)
MATRIX = (34264, DOUBLE, 16, (*range(15), 1.0), True)


def no_data(text):
  return (42113, ASCII, len(text) + 1, text.encode() + b"\0", True)


def save(path, pixels, *tags, **options):
  """Writes `[H, W, C]` as GDAL does: grey, and of no meaning."""
  options = {"photometric": "minisblack", "planarconfig": "contig"} | options
  if options["planarconfig"] == "separate":
    pixels = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
  elif pixels.shape[-1] == 1:
    pixels = pixels[..., 0]
  tifffile.imwrite(path, pixels, extratags=tags, metadata=None, **options)
  return path


def read_tags(path):
  with tifffile.TiffFile(path) as tiff:
    return {tag.code: tag.value for tag in tiff.pages.first.tags}


LAYOUTS = {
  "strips": {},
  "strips of a row": {"rowsperstrip": 1},
  "tiles": {"tile": (16, 32)},
  "BigTIFF": {"bigtiff": True},
  "big-endian": {"byteorder": ">"},
  "deflate": {"compression": "zlib"},
  "planes": {"planarconfig": "separate"},
  "planes, big-endian": {"planarconfig": "separate", "byteorder": ">"},
  "planes, deflate": {
    "planarconfig": "separate",
    "compression": "zlib",
    "rowsperstrip": 7,
  },
}


@pytest.mark.parametrize("dtype", values.DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_of_any_layout_are_read(tmp_path, layout, dtype):
  for channels in (1, 2, 3, 4, 13):
    pixels = pictures.data((24, 31, channels), dtype)
    # One plane has no planes.
    options = LAYOUTS[layout] if channels > 1 else {}
    path = save(tmp_path / "a.tif", pixels, **options)
    for photo in (
      photo_files.read(path),
      photo_files.decode(io.BytesIO(path.read_bytes())),
    ):
      np.testing.assert_array_equal(photo.pixels, pixels)
      assert photo.pixels.dtype == dtype
    outline = photo_files.read_outline(path)
    assert (outline.channels, outline.dtype) == (channels, dtype)
    assert outline.is_data == photo.is_data


@pytest.mark.parametrize("dtype", values.DTYPES)
@pytest.mark.parametrize("compression", ["lzw", "deflate", "packbits"])
def test_values_of_any_compression_are_read(tmp_path, compression, dtype):
  pixels = pictures.data((24, 31, 5), dtype)
  image = pyvips.Image.new_from_array(pixels)
  image.write_to_file(tmp_path / "a.tif", compression=compression)
  photo = photo_files.read(tmp_path / "a.tif")
  np.testing.assert_array_equal(photo.pixels, pixels, strict=True)
  assert photo.is_data


@pytest.mark.parametrize(
  ("dtype", "channels", "options", "is_alpha"),
  [
    (np.uint8, 2, {}, True),  # as ever
    (np.uint8, 2, {"extrasamples": ["unassalpha"]}, True),
    (np.uint16, 4, {"photometric": "rgb"}, True),
    (np.uint16, 4, {}, False),
    (np.uint8, 4, {}, False),
    (np.uint8, 5, {"photometric": "rgb"}, False),
    (np.int16, 2, {}, False),
    (np.float32, 2, {}, False),
    (np.float32, 4, {"photometric": "rgb"}, False),
    (np.int16, 4, {"photometric": "rgb"}, False),
  ],
)
def test_alpha_is_what_the_colour_space_says(
  tmp_path, dtype, channels, options, is_alpha
):
  pixels = pictures.data((24, 31, channels), dtype)
  photo = photo_files.read(save(tmp_path / "a.tif", pixels, **options))
  assert photo.has_alpha == is_alpha
  assert photo.is_data == (not is_alpha)
  np.testing.assert_array_equal(photo.pixels, pixels)


@pytest.mark.parametrize("channels", [2, 4])
def test_band_of_a_map_is_alpha_only_if_it_says_so(tmp_path, channels):
  pixels = pictures.data((24, 31, channels), np.uint16)
  path, kind = tmp_path / "a.tif", "rgb" if channels == 4 else "minisblack"
  for extra, is_alpha in (("unspecified", False), ("unassalpha", True)):
    options = {"photometric": kind, "extrasamples": [extra]}
    photo = photo_files.read(save(path, pixels, *PLACE, **options))
    assert photo.has_alpha == is_alpha
    photo_writer.write(tmp_path / "b.tif", photo)
    again = photo_files.read(tmp_path / "b.tif")
    assert again.has_alpha == is_alpha
    np.testing.assert_array_equal(again.pixels, pixels, strict=True)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize(
  ("dtype", "channels"),
  [(np.uint8, 3), (np.uint16, 1), (np.int16, 1), (np.float32, 13)],
)
def test_place_of_a_map_and_what_is_missing_stay(
  tmp_path, dtype, channels, byteorder
):
  pixels = pictures.data((24, 31, channels), dtype)
  kind = "rgb" if channels == 3 else "minisblack"
  tags = (*PLACE, MATRIX, no_data("-9999"))
  path = save(
    *(tmp_path / "a.tif", pixels, *tags),
    photometric=kind,
    byteorder=byteorder,
    resolution=(30, 20),
    resolutionunit="centimeter",
  )
  photo = photo_files.read(path)
  assert photo.no_data == -9999
  hole = np.zeros((24, 31), bool)
  hole[:, :9] = True
  model = values.Values(channels, ((0, 255),) * channels)
  prediction = np.zeros(pixels.shape, np.float32)
  filled = photo_writer.composite(photo, prediction, hole, model)
  photo_writer.write(tmp_path / "b.tif", filled)
  before, after = read_tags(path), read_tags(tmp_path / "b.tif")
  for code in (262, 282, 283, 296, *(tag[0] for tag in tags)):
    assert before[code] == after[code], code
  again = photo_files.read(tmp_path / "b.tif")
  np.testing.assert_array_equal(again.pixels[~hole], pixels[~hole])
  np.testing.assert_array_equal(again.pixels, filled.pixels, strict=True)
  assert again[1:] == filled[1:]


@pytest.mark.parametrize(
  ("text", "found"),
  [
    ("0", 0),
    ("-9999 ", -9999),
    ("-3.4028234663852886e+38", -3.4028234663852886e38),
    ("", None),
    ("none", None),
  ],
)
def test_value_that_stands_for_a_missing_one_is_read(tmp_path, text, found):
  path = save(tmp_path / "a.tif", np.ones((4, 5, 1), np.int16), no_data(text))
  assert photo_files.read(path).no_data == found


def test_missing_values_of_a_file_are_missing(tmp_path):
  pixels = np.arange(20, dtype=np.float32).reshape(4, 5, 1)
  photo = photo_files.read(save(tmp_path / "a.tif", pixels, no_data("7")))
  model = values.Values(1, ((0, 19),))
  np.testing.assert_array_equal(
    np.isnan(photo.normalized(model)), pixels == 7, strict=True
  )
  other = values.Values(1, ((0, 19),), no_data=3)  # the config knows better
  np.testing.assert_array_equal(
    np.isnan(photo.normalized(other)), pixels == 3, strict=True
  )


def test_turned_picture_has_lost_its_place(tmp_path):
  pixels = pictures.data((24, 31, 5), np.float32)
  turned = (274, SHORT, 1, 6, True)
  path = save(tmp_path / "a.tif", pixels, *PLACE, no_data("1"), turned)
  photo = photo_files.read(path)
  np.testing.assert_array_equal(photo.pixels, np.rot90(pixels, -1))
  assert photo.notes == ("turned, so that its place on Earth is dropped",)
  assert [tag.code for tag in photo.tags] == [42112, 42113]
  assert photo.no_data == 1


def test_profile_and_xmp_of_a_map_stay(tmp_path):
  photo = photo_files.read(
    save(tmp_path / "a.tif", np.ones((4, 5, 3), np.uint8), *PLACE)
  )
  blob, fields = pyvips.GValue.blob_type, ("icc-profile-data", "xmp-data")
  photo = photo._replace(header={field: (blob, b"abcde") for field in fields})
  photo_writer.write(tmp_path / "b.tif", photo)
  after = read_tags(tmp_path / "b.tif")
  assert after[34675] == after[700] == b"abcde"
  assert photo_files.read(tmp_path / "b.tif").header == photo.header


def test_photographs_are_not_read_or_written_differently(tmp_path):
  image = pyvips.Image.new_from_array(pictures.noise(24, 32))
  image.write_to_file(tmp_path / "a.tif", compression="deflate")
  photo = photo_files.read(tmp_path / "a.tif")
  assert photo.tags == () and photo.no_data is None and not photo.is_data
  photo_writer.write(tmp_path / "b.tif", photo)
  assert 305 not in read_tags(tmp_path / "b.tif")
  content = (tmp_path / "b.tif").read_bytes()
  assert content == (tmp_path / "a.tif").read_bytes()


@pytest.mark.usefixtures("in_time")
def test_damaged_tags_do_no_harm(tmp_path):
  pixels = pictures.data((24, 31, 5), np.int16)
  data = save(tmp_path / "a.tif", pixels, *PLACE, no_data("-1")).read_bytes()
  start = int.from_bytes(data[4:8], "little")
  generator = np.random.default_rng(0)
  for _ in range(300):
    changed = bytearray(data)
    for position in generator.integers(start, start + 400, 3):
      changed[position] = generator.integers(256)
    (tmp_path / "b.tif").write_bytes(changed)
    try:
      photo = photo_files.read(tmp_path / "b.tif")
      photo_writer.write(tmp_path / "c.tif", photo)
    except errors.UserError as error:
      assert "\n" not in str(error)
      continue
    again = photo_files.read(tmp_path / "c.tif")
    np.testing.assert_array_equal(again.pixels, photo.pixels)


def test_damaged_directory_has_no_tags():
  assert tiff_tags.read(io.BytesIO(b"II*\0")) == tiff_tags.Tags()
  assert tiff_tags.read(io.BytesIO(b"II*\0" + b"\xff" * 99)).kept == ()


def test_other_files_do_not_wait_for_tifffile(tmp_path):
  pictures.write(tmp_path / "a.png")
  program = (
    "import pathlib, sys\n"
    "from gatedinpaint_jax.data import photo_files\n"
    "from gatedinpaint_jax.inference import photo_writer\n"
    "path = pathlib.Path(sys.argv[1])\n"
    "photo_writer.write(path.with_name('b.tif'), photo_files.read(path))\n"
    "assert 'tifffile' not in sys.modules\n"
    "photo_files.read(path.with_name('b.tif'))\n"
    "assert 'tifffile' in sys.modules\n"
  )
  result = processes.run("-c", program, tmp_path / "a.png")
  assert result.returncode == 0, result.stderr
