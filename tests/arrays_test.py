import io
import os
import pickle
import re
import subprocess
import sys
import threading
import zipfile

import numpy as np
import psutil
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import arrays, build
from tests import pictures


@pytest.fixture
def saved(tmp_path):
  images = np.stack([pictures.noise(32, 40, seed=i) for i in range(10)])
  path = tmp_path / "pictures.npz"
  np.savez(path, images=images, sketches=images[..., 0])
  return path


def config_of(path, **data):
  return pictures.config(path, source="arrays", **data)


GOOD = np.zeros((2, 16, 24, 3), np.uint8)


@pytest.mark.parametrize(
  "content,message",
  [
    (None, "no file at"),
    ("no arrays", "is not an .npz file"),
    (GOOD, "is not an .npz file"),
    ({"photos": GOOD}, "has no array 'images', only photos"),
    (
      {"images": GOOD.astype(np.float32)},
      "are float32, whose range must be stated",
    ),
    (
      {"images": GOOD[..., 0]},
      "is uint8 [2, 16, 24]; it must be uint8, uint16, ",
    ),
    ({"images": GOOD[:0]}, "is empty"),
    ({"images": GOOD[:, :8]}, "are 8 x 24, smaller than config.data.image_si"),
  ],
)
def test_unusable_files_are_explained(tmp_path, content, message):
  path = tmp_path / "a.npz"
  if isinstance(content, str):
    path.write_text(content)
  elif isinstance(content, dict):
    np.savez(path, **content)
  elif content is not None:
    with open(path, "wb") as file:
      np.save(file, content)
  with pytest.raises(
    errors.UserError, match=r"^config\.data\.path: .*" + re.escape(message)
  ):
    build.find_pictures(config_of(path))


def zipped(content, method=zipfile.ZIP_STORED, changes=()):
  """Returns a zip file of `images.npy`, some bytes of it changed."""
  file = io.BytesIO()
  with zipfile.ZipFile(file, "w", method) as archive:
    archive.writestr("images.npy", content)
  content = bytearray(file.getvalue())
  for place, new in changes:
    content[place : place + len(new)] = new
  return bytes(content)


def npy(shape, dtype="|u1", length=100):
  """Returns an .npy file of zeros that claims a shape and a type."""
  about = {"descr": dtype, "fortran_order": False, "shape": shape}
  file = io.BytesIO()
  np.lib.format.write_array_header_1_0(file, about)
  return file.getvalue() + bytes(length)


# Random, so that they take more than the bytes that are changed.
INTACT = npy((8, 16, 24, 3), length=0) + pictures.noise(8 * 16, 24).tobytes()
# Of the only entry, at the end of the zip file.
ENTRY = len(zipped(INTACT)) - 22 - 46 - len("images.npy")
HOSTILE = {
  "claims 90 GB": zipped(npy((30_000_000, 32, 32, 3))),
  "overflow": zipped(npy((2**62, 32, 32, 3))),
  "negative": zipped(npy((-1, 32, 32, 3))),
  "pickle": zipped(npy((1,), "|O", 0) + pickle.dumps([1])),
  "bare pickle": pickle.dumps([1]),
  "deep": zipped(b"\x93NUMPY\x01\x00\x00\x20" + b"(" * 2**13),
  "encrypted": zipped(INTACT, changes=[(6, b"\1"), (ENTRY + 8, b"\1")]),
  "method 97": zipped(INTACT, changes=[(8, b"a"), (ENTRY + 10, b"a")]),
  **{
    str(method): zipped(INTACT, method, [(60, b"\xff" * 40)])
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
  },
  "pipe": None,
}


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_file_of_a_stranger_is_one_line(tmp_path, content):
  path = tmp_path / "a.npz"
  if content is None:
    os.mkfifo(path)
  else:
    path.write_bytes(content)
  message = r"is not an \.npz file of plain arrays \(|must be uint8"
  with pytest.raises(errors.UserError, match=message) as caught:
    arrays.load(str(path), size=(16, 24))
  assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_arrays_larger_than_the_memory_are_not_read(saved, monkeypatch):
  memory = psutil.virtual_memory()._replace(available=1000)
  monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
  with pytest.raises(errors.UserError, match=r"of which 0\.0 GB are free"):
    arrays.load(str(saved), size=(16, 24))


def test_guided_arrays_need_sketches(tmp_path):
  np.savez(tmp_path / "a.npz", images=GOOD)
  config = config_of(tmp_path / "a.npz", sketch="files")
  config.model.guided = True
  with pytest.raises(errors.UserError, match="has no array 'sketches'"):
    build.find_pictures(config)


def test_error_in_the_thread_reaches_the_consumer():
  def failing():
    yield 1
    raise ValueError("in the thread")

  batches = arrays._in_advance(failing())
  assert next(batches) == 1
  with pytest.raises(ValueError, match="in the thread"):
    next(batches)


def test_thread_ends_when_the_iterator_is_closed(saved):
  is_batches = lambda thread: thread.name.startswith("batches")
  batches = build.find_pictures(config_of(saved)).batches()
  next(batches)
  assert any(map(is_batches, threading.enumerate()))
  batches.close()
  assert not any(map(is_batches, threading.enumerate()))


def test_arrays_load_no_tensorflow(saved):
  program = f"""
import sys
sys.path.insert(0, {str(pictures._CONFIG.parent.parent)!r})
from gatedinpaint_jax.data import build
from tests import pictures
config = pictures.config({str(saved)!r}, source="arrays", sketch="edges")
config.model.guided = True
config.evaluation.pictures = 2
found = build.find_pictures(config)
next(found.batches())
assert found.validation
assert "tensorflow" not in sys.modules
"""
  subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
