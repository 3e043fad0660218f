import itertools
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


def take(config, count, **kwargs):
  batches = build.training_batches(config, **kwargs)
  taken = list(itertools.islice(batches, count))
  batches.close()
  return taken


def config_of(path, **data):
  return pictures.config(path, source="arrays", **data)


def test_batches_follow_the_convention(saved):
  config = config_of(saved)
  config.mask.kind = "strokes_and_boxes"
  batch = take(config, 1)[0]
  pictures.assert_follows_the_convention(batch)


@pytest.mark.parametrize("first_example", [0, 4, 9, 21])
def test_resumed_stream_goes_on_where_it_stopped(saved, first_example):
  config = config_of(saved, flip=True)
  whole = take(config, 8)
  resumed = take(config, 2, first_example=first_example)
  for part in ("image", "mask"):
    rows = np.concatenate([getattr(batch, part) for batch in whole])
    np.testing.assert_array_equal(
      rows[first_example:][:8],
      np.concatenate([getattr(batch, part) for batch in resumed]),
    )


def test_processes_divide_the_global_batch(saved):
  config = config_of(saved)
  whole = take(config, 2)
  halves = [take(config, 2, process_index=i, process_count=2) for i in (0, 1)]
  for batch, first, second in zip(whole, *halves, strict=True):
    np.testing.assert_array_equal(
      batch.image, np.concatenate([first.image, second.image])
    )


def test_every_epoch_has_each_picture_once(tmp_path):
  images = np.stack([np.full((16, 24, 3), 8 * i, np.uint8) for i in range(8)])
  np.savez(tmp_path / "a.npz", images=images)
  stream = take(config_of(tmp_path / "a.npz"), 4)
  seen = pictures.numbers(*stream)
  assert sorted(seen[:8]) == sorted(seen[8:]) == list(range(8))
  assert seen[:8] != seen[8:]
  ordered = take(config_of(tmp_path / "a.npz", shuffle=False), 2)
  assert pictures.numbers(*ordered) == list(range(8))


def test_crops_reach_everywhere_and_half_of_the_pictures_are_mirrored(tmp_path):
  image = np.zeros((17, 25, 3), np.uint8)
  image[..., 0] = np.arange(25)
  image[..., 1] = np.arange(17)[:, None]
  np.savez(tmp_path / "a.npz", images=image[None])
  config = config_of(tmp_path / "a.npz", flip=True)
  corners = [
    tuple(np.rint((pixels[0, [0, -1], :2] + 1) * 127.5).astype(int).ravel())
    for batch in take(config, 25)
    for pixels in batch.image
  ]
  mirrored = [left > right for left, _, right, _ in corners]
  assert 30 < sum(mirrored) < 70
  assert {(min(c[0], c[2]), c[1]) for c in corners} == {
    (x, y) for x in (0, 1) for y in (0, 1)
  }


def test_held_out_pictures_never_appear_in_training(tmp_path):
  images = np.stack([np.full((16, 24, 3), 8 * i, np.uint8) for i in range(12)])
  np.savez(tmp_path / "a.npz", images=images)
  config = config_of(tmp_path / "a.npz")
  config.evaluation.pictures = 3
  held_out = list(build.validation_batches(config))
  assert pictures.numbers(held_out[0]) == [0, 4, 8]
  trained = pictures.numbers(*take(config, 9))
  assert set(trained) == set(range(12)) - {0, 4, 8}
  for a, b in zip(held_out, build.validation_batches(config), strict=True):
    pictures.assert_same(a, b)


def test_sketches_get_the_crop_and_flip_of_their_photos(saved):
  config = config_of(saved, sketch="files", flip=True)
  config.model.guided = True
  for batch in take(config, 3):
    bright = (batch.image[..., :1] + 1) / 2 > 0.6
    np.testing.assert_array_equal(batch.sketch, bright * batch.mask)
    assert batch.sketch.dtype == np.float32


def test_edges_are_lines_inside_the_hole_and_can_be_dropped(saved):
  config = config_of(saved, sketch="edges", sketch_threshold=0.3)
  config.model.guided = True
  batch = take(config, 1)[0]
  assert set(np.unique(batch.sketch)) == {0, 1}
  assert np.all(batch.sketch <= batch.mask)
  config.data.sketch_drop_probability = 1.0
  assert take(config, 1)[0].sketch.max() == 0


GOOD = np.zeros((2, 16, 24, 3), np.uint8)


@pytest.mark.parametrize(
  "content,message",
  [
    (None, "no file at"),
    ({"photos": GOOD}, "has no array 'images', only photos"),
    ({"images": GOOD.astype(np.float32)}, "is float32 [2, 16, 24, 3]; it must"),
    ({"images": GOOD[..., 0]}, "is uint8 [2, 16, 24]; it must be uint8 [N, H"),
    ({"images": GOOD[:0]}, "is empty"),
    (
      {"images": GOOD[:, :8]},
      "are 8 x 24, smaller than config.data.image_size",
    ),
  ],
)
def test_unusable_files_are_explained(tmp_path, content, message):
  path = tmp_path / "a.npz"
  if content is not None:
    np.savez(path, **content)
  with pytest.raises(
    errors.UserError, match=r"^config\.data\.path: .*" + re.escape(message)
  ):
    build.training_batches(config_of(path))


def test_other_files_are_explained(tmp_path):
  (tmp_path / "a.npz").write_text("no arrays")
  np.save(tmp_path / "b.npy", GOOD)
  for name in ("a.npz", "b.npy"):
    with pytest.raises(errors.UserError, match=r"is not an \.npz file"):
      build.training_batches(config_of(tmp_path / name))


def test_guided_arrays_need_sketches(tmp_path):
  np.savez(tmp_path / "a.npz", images=GOOD)
  config = config_of(tmp_path / "a.npz", sketch="files")
  config.model.guided = True
  with pytest.raises(errors.UserError, match="has no array 'sketches'"):
    build.training_batches(config)


def test_error_in_the_thread_reaches_the_consumer():
  def failing():
    yield 1
    raise ValueError("in the thread")

  batches = arrays._ahead(failing())
  assert next(batches) == 1
  with pytest.raises(ValueError, match="in the thread"):
    next(batches)


def test_thread_ends_when_the_iterator_is_closed(saved):
  batches = build.training_batches(config_of(saved))
  next(batches)
  assert "batches" in [thread.name for thread in threading.enumerate()]
  batches.close()
  assert "batches" not in [thread.name for thread in threading.enumerate()]


def test_arrays_load_no_tensorflow(saved):
  program = f"""
import sys
sys.path.insert(0, {str(pictures._CONFIG.parent.parent)!r})
from gatedinpaint_jax.data import build
from tests import pictures
config = pictures.config({str(saved)!r}, source="arrays", sketch="edges")
config.model.guided = True
config.evaluation.pictures = 2
next(build.training_batches(config))
next(iter(build.validation_batches(config)))
assert "tensorflow" not in sys.modules
"""
  subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
