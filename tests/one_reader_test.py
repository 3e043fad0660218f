"""Training and inference read a file of any kind alike, and rightly."""

import io
import os
import pathlib
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import (
  listing,
  photo_files,
  photos,
)
from tests import pictures

PIXELS = pictures.noise(24, 32)


def turned(orientation):
  exif = Image.Exif()
  exif[0x0112] = orientation
  return exif


def several(kind):
  others = [Image.fromarray(pixels) for pixels in (255 - PIXELS, PIXELS // 2)]
  return pictures.encode(PIXELS, kind, save_all=True, append_images=others)


def cmyk_without_adobe_marker():
  data = pictures.encode(PIXELS, "JPEG", "CMYK")
  start = data.index(b"\xff\xee")
  return data[:start] + data[start + 16 :]


def exif_after_tables():
  data = pictures.encode(PIXELS, "JPEG")
  block = b"Exif\0\0" + turned(6).tobytes().removeprefix(b"Exif\0\0")
  block = b"\xff\xe1" + (len(block) + 2).to_bytes(2) + block
  place = data.index(b"\xff\xc0")  # the header of the picture
  return data[:place] + block + data[place:]


def png_with_latin_metadata():
  data = pictures.encode(PIXELS)
  chunk = b"tEXtAuteur \xe9\0x"
  chunk = (len(chunk) - 4).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4)
  return data[:33] + chunk + data[33:]  # after the header


PROGRESSIVE = pictures.encode(PIXELS, "JPEG", progressive=True)
PHOTOS = {
  "jpg": pictures.encode(PIXELS, "JPEG", quality=90),
  "jpg, progressive": PROGRESSIVE,
  "jpg, subsampled": pictures.encode(PIXELS, "JPEG", subsampling=2),
  "jpg, grey": pictures.encode(PIXELS, "JPEG", "L"),
  "jpg, CMYK": pictures.encode(PIXELS, "JPEG", "CMYK"),
  "jpg, CMYK of unknown origin": cmyk_without_adobe_marker(),
  "jpg, turned": pictures.encode(PIXELS, "JPEG", exif=turned(6)),
  "jpg, turned, after a comment": pictures.encode(
    PIXELS, "JPEG", comment=b"x" * 9000, exif=turned(8)
  ),
  "jpg, turned, after its tables": exif_after_tables(),
  "jpg without its end": pictures.encode(PIXELS, "JPEG")[:-2],
  "jpg without half of its end": pictures.encode(PIXELS, "JPEG")[:-1],
  "jpg, progressive, without its end": PROGRESSIVE[:-2],
  "jpg, progressive, without half of its end": PROGRESSIVE[:-1],
  "png": pictures.encode(PIXELS),
  "png, Latin-1 metadata": png_with_latin_metadata(),
  "png, 16 bits": pictures.encode(PIXELS[..., 0].astype(np.uint16) * 257),
  "png, 1 bit": pictures.encode(PIXELS, mode="1"),
  "png, palette": pictures.encode(PIXELS, mode="P"),
  "png, grey and alpha": pictures.encode(PIXELS, mode="LA"),
  "png, alpha": pictures.encode(np.dstack([PIXELS, PIXELS[..., 0]])),
  "png, animated": several("PNG"),
  "webp": pictures.encode(PIXELS, "WEBP"),
  "webp, alpha": pictures.encode(np.dstack([PIXELS, PIXELS[..., 0]]), "WEBP"),
  "webp, animated": several("WEBP"),
  "gif": pictures.encode(PIXELS, "GIF"),
  "gif, animated": several("GIF"),
  "bmp": pictures.encode(PIXELS, "BMP"),
  "tiff": pictures.encode(PIXELS, "TIFF", compression="tiff_lzw"),
  "tiff, pages": several("TIFF"),
  "avif": pictures.encode(PIXELS, "AVIF"),
  "avif, sequence": several("AVIF"),
}


@pytest.mark.parametrize("kind", PHOTOS)
def test_photo_is_the_same_in_training_and_in_inference(kind):
  photo = photo_files.decode(io.BytesIO(PHOTOS[kind]))
  in_graph = tf.data.Dataset.from_tensors(PHOTOS[kind]).map(photos.decode)
  np.testing.assert_array_equal(
    in_graph.get_single_element(), photo.colours, strict=True
  )
  assert photo.colours.shape[0] == (32 if "turned" in kind else 24)
  expected = PIXELS
  if "turned" in kind:
    expected = np.rot90(PIXELS, 1 if "comment" in kind else -1)
  if "grey" in kind or "16" in kind or "1 bit" in kind:
    return
  error = np.abs(photo.colours.astype(float) - expected).mean()
  assert error < 30  # palettes and GIF are coarse; a negative has above 80


@pytest.mark.parametrize("kind", PHOTOS)
def test_person_is_told_what_is_lost_or_missing(kind):
  notes = photo_files.decode(io.BytesIO(PHOTOS[kind])).notes
  if "animated" in kind or "pages" in kind:
    assert notes == ("only the first of its 3 pictures is read",)
  elif "Latin" in kind:
    assert "metadata" in notes[0]
  elif "CMYK" in kind:
    assert notes == ("converted from CMYK to sRGB",)
  elif "end" in kind:
    assert notes == ("the end of the file is missing, but no pixels are",)
  else:
    assert not notes


def test_most_jpegs_are_left_to_tensorflow():
  is_plain = [
    kind
    for kind, data in PHOTOS.items()
    if kind.startswith("jpg") and photos._is_plain_jpeg(tf.constant(data))
  ]
  assert is_plain == list(PHOTOS)[:4]


def one_batch(folder, **change):
  config = pictures.config(folder, resize="enlarge", random_crop=False)
  config.update_from_flattened_dict(change)
  (batch,) = pictures.take(config, 1)
  return batch


def test_sketch_on_transparent_ground_guides_a_turned_photo(tmp_path):
  (tmp_path / "a.jpg").write_bytes(PHOTOS["jpg, turned"])
  lines = np.zeros((32, 24, 4), np.uint8)
  lines[:, 10:12, 3] = 255  # black lines, on nothing
  Image.fromarray(lines).save(tmp_path / "a_edge.png")
  batch = one_batch(
    tmp_path,
    **{
      "data.image_size": (32, 24),
      "data.sketch": "files",
      "model.guided": True,
      "mask.boxes.size": (1.0, 1.0),
      "mask.boxes.max_shrink": (0.0, 0.0),
    },
  )
  np.testing.assert_array_equal(batch.sketch[0, ..., 0] > 0, lines[..., 3] > 0)


def test_pipes_links_and_hidden_files_are_passed_over(tmp_path):
  pictures.write(tmp_path / "a.png")
  pictures.write(tmp_path / "._b.png")
  os.mkfifo(tmp_path / "c.png")
  (tmp_path / "d.png").symlink_to("/dev/zero")
  (tmp_path / "e").symlink_to(tmp_path)
  (tmp_path / "loop.png").symlink_to("loop.png")
  pictures.write(tmp_path / ".hidden" / "g.png")
  (tmp_path / "f.txt").write_text("x")
  assert one_batch(tmp_path).image.shape == (4, 16, 24, 3)
  found = listing.find_in_folder(str(tmp_path))
  assert len(found.photos) == 1
  assert found.passed_over == (
    "4 broken links, links to folders, or pipes, 2 hidden, 1 .txt"
  )
  for name in ("c.png", "d.png"):
    with pytest.raises(errors.UserError, match="a device or a pipe"):
      photo_files.read(pathlib.Path(tmp_path, name))


def bmp(width, height, pixels=b""):
  header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, *[0] * 6)
  return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + header


@pytest.mark.parametrize(
  "data",
  [
    b"\xc2\xe9\xff\xd8bad",
    b"\xff\xd8",
    bmp(2**31 - 1, 1),
    bmp(20_000, 20_000),
    bmp(10, -(2**31)),
  ],
)
def test_what_is_damaged_is_replaced_in_training(data, tmp_path):
  (tmp_path / "0.bmp").write_bytes(data)
  pictures.write(tmp_path / "1.png")
  assert one_batch(tmp_path).image.shape == (4, 16, 24, 3)
  with pytest.raises(errors.UserError, match=r"0\.bmp: "):
    photo_files.read(tmp_path / "0.bmp")
