"""Arrays in .npy files are read as pictures; nothing that they claim is."""

import io
import os
import pickle

import numpy as np
import pytest

from gatedinpaint_jax import errors, values
from gatedinpaint_jax.data import hole_files, photo_files
from tests import pictures


def saved(array):
  file = io.BytesIO()
  np.save(file, array)
  return file.getvalue()


@pytest.fixture
def read(tmp_path):
  """Returns the function that reads a file of some content, twice."""

  def read(content):
    (tmp_path / "a.npy").write_bytes(content)
    photo = photo_files.read(tmp_path / "a.npy")
    in_memory = photo_files.decode(io.BytesIO(content))
    np.testing.assert_array_equal(photo.pixels, in_memory.pixels)
    outline = photo_files.read_outline(tmp_path / "a.npy")
    assert outline.size == photo.pixels.shape[:2]
    assert outline.channels == photo.pixels.shape[2]
    assert outline.dtype == photo.pixels.dtype
    return photo

  return read


@pytest.mark.parametrize("dtype", values.DTYPES)
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4, 13])
def test_values_are_those_of_the_array(read, dtype, channels):
  shape = (24, 31) if channels is None else (24, 31, channels)
  array = pictures.data(shape, dtype)
  for stored in (
    array,
    np.asfortranarray(array),
    array.astype(array.dtype.newbyteorder(">")),
  ):
    photo = read(saved(stored))
    assert photo.pixels.dtype == dtype and photo.pixels.flags.c_contiguous
    np.testing.assert_array_equal(photo.pixels.reshape(shape), array)
    assert photo.pixels.ndim == 3 and photo.is_plane == (channels is None)
    assert not photo.has_alpha
    assert photo.is_data == (channels in (2, 4, 13))


def test_no_channel_of_data_is_taken_for_alpha_and_left_out(read):
  photo = read(saved(pictures.data((24, 31, 4), np.uint8)))
  for look in (lambda: photo.colours, lambda: photo.select(3)):
    with pytest.raises(
      errors.UserError, match="has 4 channels of data; the mo"
    ):
      look()
  np.testing.assert_array_equal(photo.levels(4), photo.pixels)


def test_array_of_truths_is_a_mask(tmp_path):
  hole = pictures.data((24, 31), np.uint8) > 100
  for name, mask in (("a", hole), ("b", hole * np.uint8(255))):
    np.save(tmp_path / f"{name}.npy", mask)
    found = hole_files.read_mask(tmp_path / f"{name}.npy", hole.shape)
    np.testing.assert_array_equal(found, hole)


@pytest.mark.parametrize(
  ("shape", "dtype", "found"),
  [
    ((24, 31), np.float32, "1 channels of float32"),
    ((24, 31), np.int16, "1 channels of int16"),
    ((24, 31, 4), np.uint8, "4 channels of uint8"),
    ((24, 31, 13), np.uint16, "13 channels of uint16"),
  ],
)
def test_array_of_data_is_no_mask(tmp_path, shape, dtype, found):
  np.save(tmp_path / "a.npy", np.ones(shape, dtype))
  for read in (hole_files.read_mask, hole_files.read_sketch):
    with pytest.raises(
      errors.UserError, match=f"a.npy: has {found}; masks and"
    ):
      read(tmp_path / "a.npy", (24, 31))


def claiming(shape, descr="|u1", *, length=100, order=False):
  about = {"descr": descr, "fortran_order": order, "shape": shape}
  file = io.BytesIO()
  np.lib.format.write_array_header_1_0(file, about)
  return file.getvalue() + bytes(length)


WHOLE = saved(pictures.data((24, 31), np.uint8))
ADVICE = "; save it as uint8, uint16, int16 or float32, "


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize(
  ("content", "message"),
  [
    (claiming((300_000, 300_000)), "claims 90000000000 bytes, but has 100"),
    (claiming((2**40, 2**40, 2**40)), "claims "),
    (claiming((-10, -10)), "claims 100 bytes"),
    (claiming((5, -4, -5)), "claims 100 bytes"),
    (claiming((0, 7), length=0), r"is empty, \[0, 7\]"),
    (claiming((7, 5, 0), length=0), r"is empty, \[7, 5, 0\]"),
    (
      claiming((1,), "|O", length=0) + pickle.dumps([1]),
      r"is object \[1\]" + ADVICE,
    ),
    (b"\x93NUMPY\x01\x00\x00\x20" + b"(" * 2**13, "not a whole .npy file"),
    (b"\x93NUMPY\x09\x00" + WHOLE[8:], "not a whole .npy file"),
    (b"\x93NUMPY", "not a whole .npy file"),
    (WHOLE[:-1], "claims 744 bytes, but has 743"),
    (WHOLE + b"x", "claims 744 bytes, but has 745"),
    (WHOLE[:60], "not a whole .npy file"),
    (saved(np.zeros((4, 5))), r"is float64 \[4, 5\]" + ADVICE),
    (saved(np.zeros((4, 5), np.int32)), r"is int32 \[4, 5\]" + ADVICE),
    (saved(np.zeros((4, 5), np.complex64)), r"is complex64 \[4, 5\]" + ADVICE),
    (saved(np.zeros(5, np.uint8)), r"is uint8 \[5\]" + ADVICE),
    (saved(np.zeros((1, 4, 5, 3), np.uint8)), r"is uint8 \[1, 4, 5, 3\]"),
    (saved(np.zeros(4, "u1,f4")), r"is \[.*\] \[4\]" + ADVICE),
    (saved(np.zeros((4, 5), "S1")), r"is \|S1 \[4, 5\]" + ADVICE),
  ],
)
def test_file_of_a_stranger_is_one_line(tmp_path, content, message):
  path = tmp_path / "a.npy"
  path.write_bytes(content)
  for read in (photo_files.read, photo_files.read_size):
    with pytest.raises(errors.UserError, match=message) as caught:
      read(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and "\n" not in text
    assert len(text) < len(str(path)) + 250


def test_size_is_refused_from_the_header_alone(tmp_path):
  content = claiming((2**14 + 1, 2**14), length=0)
  (tmp_path / "a.npy").write_bytes(content)
  os.truncate(tmp_path / "a.npy", len(content) + (2**14 + 1) * 2**14)
  for read in (photo_files.read, photo_files.read_size):
    with pytest.raises(errors.UserError, match="the limit is 268435456"):
      read(tmp_path / "a.npy")
