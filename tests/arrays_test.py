import re
import subprocess
import sys
import threading

import numpy as np
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
    ({"images": GOOD.astype(np.float32)}, "is float32 [2, 16, 24, 3]; it must"),
    ({"images": GOOD[..., 0]}, "is uint8 [2, 16, 24]; it must be uint8 [N, H"),
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


@pytest.mark.parametrize(
  ("sketches", "message"),
  [
    ({}, "has no array 'sketches', only images"),
    (
      {"sketches": GOOD[:1, ..., 0]},
      "is uint8 [1, 16, 24]; it must be uint8 [2, 16, 24], one for each image",
    ),
  ],
)
def test_guided_arrays_need_sketches(tmp_path, sketches, message):
  np.savez(tmp_path / "a.npz", images=GOOD, **sketches)
  config = config_of(tmp_path / "a.npz", sketch="files")
  config.model.guided = True
  with pytest.raises(errors.UserError, match=re.escape(message)):
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
