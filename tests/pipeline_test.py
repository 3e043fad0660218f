import itertools
import os

import numpy as np
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import build, photos
from tests import pictures


def take(config, count, **kwargs):
  return list(itertools.islice(build.training_batches(config, **kwargs), count))


@pytest.fixture
def numbered(tmp_path):
  return pictures.write_numbered(tmp_path, 10)


@pytest.fixture
def noisy(tmp_path):
  for i in range(6):
    data = pictures.encoded(pictures.noise(32, 40, seed=i))
    (tmp_path / f"{i}.jpg").write_bytes(data)
  return tmp_path


def test_batches_follow_the_convention(noisy):
  config = pictures.config(noisy)
  config.mask.kind = "strokes_and_boxes"
  batch = take(config, 1)[0]
  pictures.assert_follows_the_convention(batch)
  assert not np.array_equal(batch.mask[0], batch.mask[1])


def test_same_seed_same_batches_and_another_seed_others(noisy):
  config = pictures.config(noisy, flip=True)
  first, second = take(config, 3), take(config, 3)
  for a, b in zip(first, second, strict=True):
    pictures.assert_same(a, b)
  config.seed = 1
  assert not np.array_equal(take(config, 1)[0].mask, first[0].mask)


def test_every_epoch_has_each_picture_once_in_a_new_order(numbered):
  stream = take(pictures.config(numbered), 10)
  seen = pictures.numbers(*stream)
  epochs = [tuple(seen[i : i + 10]) for i in range(0, 40, 10)]
  assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
  assert len(set(epochs)) == 4


def test_without_shuffling_the_list_is_cycled_in_its_order(numbered):
  stream = take(pictures.config(numbered, shuffle=False), 5)
  seen = pictures.numbers(*stream)
  assert seen == 2 * list(range(10))


@pytest.mark.parametrize("first_example", [4, 6, 11])
def test_resumed_stream_goes_on_where_it_stopped(noisy, first_example):
  config = pictures.config(noisy, flip=True)
  whole = take(config, 5)
  resumed = take(config, 2, first_example=first_example)

  def rows(batches, part):
    return np.concatenate([getattr(batch, part) for batch in batches])

  for part in ("image", "mask"):
    np.testing.assert_array_equal(
      rows(whole, part)[first_example:][:8], rows(resumed, part)
    )


def test_processes_divide_the_global_batch(noisy):
  config = pictures.config(noisy)
  whole = take(config, 3)
  parts = [take(config, 3, process_index=i, process_count=2) for i in range(2)]
  for batch, *halves in zip(whole, *parts, strict=True):
    np.testing.assert_array_equal(
      batch.image, np.concatenate([half.image for half in halves])
    )
    np.testing.assert_array_equal(
      batch.mask, np.concatenate([half.mask for half in halves])
    )


def spoil(folder):
  """Writes a picture of every unreadable kind; returns how many."""
  whole = pictures.encoded(pictures.noise(64, 64))
  (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
  (folder / "text.jpg").write_text("no picture at all")
  (folder / "void.png").write_bytes(b"")
  return 3


def test_unreadable_pictures_are_replaced_counted_and_named(noisy, caplog):
  spoil(noisy)
  config = pictures.config(noisy)
  batches = take(config, 9)
  for batch in batches:
    assert batch.image.std(axis=(1, 2, 3)).min() > 0.05
  messages = [record.getMessage() for record in caplog.records]
  for name in ("cut.jpg", "text.jpg", "void.png"):
    assert sum(name in message for message in messages) == 1
  for a, b in zip(batches, take(config, 9), strict=True):
    pictures.assert_same(a, b)


def test_a_picture_too_long_to_be_scaled_is_replaced(
  noisy, caplog, monkeypatch
):
  monkeypatch.setattr(photos, "_MOST_PIXELS", 1 << 14)
  data = pictures.encoded(pictures.noise(1, 2000), "PNG")
  (noisy / "long.png").write_bytes(data)
  take(pictures.config(noisy), 4)
  assert "long.png" in caplog.text


def test_unreadable_pictures_do_not_move_the_others(numbered):
  before = take(pictures.config(numbered), 5)
  (numbered / "004.png").write_text("spoiled")
  after = take(pictures.config(numbered), 5)
  for a, b in zip(before, after, strict=True):
    np.testing.assert_array_equal(a.mask, b.mask)
    for x, y in zip(pictures.numbers(a), pictures.numbers(b), strict=True):
      assert x == y if x != 4 else y != 4


def test_folder_in_a_file_list_counts_as_unreadable(numbered, caplog):
  os.mkdir(numbered / "folder.jpg")
  names = [f"{i:03d}.png" for i in range(10)]
  listed = numbered / "list.txt"
  listed.write_text("\n".join([*names, "folder.jpg"]))
  take(pictures.config(listed, source="file_list"), 3)
  assert "folder.jpg" in caplog.text


def test_only_unreadable_pictures_stop_at_once(tmp_path):
  count = spoil(tmp_path)
  with pytest.raises(
    errors.UserError,
    match=f"{count} of {count} pictures cannot be read, not one is readable:"
    r" .*cut\.jpg, .*text\.jpg, .*void\.png",
  ):
    build.training_batches(pictures.config(tmp_path))


def test_too_many_unreadable_pictures_stop_the_stream(tmp_path):
  pictures.write_numbered(tmp_path, 20)
  for i in range(12):
    (tmp_path / f"z{i:02d}.jpg").write_text("no picture")
  batches = build.training_batches(pictures.config(tmp_path))
  with pytest.raises(errors.UserError, match=r"11 of 32 pictures cannot be"):
    for _ in range(20):
      next(batches)


def guided(folder, sketch, **data):
  config = pictures.config(folder, sketch=sketch, **data)
  config.model.guided = True
  return config


def test_sketch_files_get_the_crop_and_flip_of_their_photos(tmp_path):
  # The sketch is the photo: line exactly where the photo is bright.
  for i in range(4):
    grey = np.where(pictures.noise(40, 40, seed=i)[..., :1] > 128, 255, 0)
    pixels = np.repeat(grey, 3, axis=2).astype(np.uint8)
    data = pictures.encoded(pixels, "PNG")
    (tmp_path / f"{i}.png").write_bytes(data)
    (tmp_path / f"{i}_edge.png").write_bytes(data)
  for batch in take(guided(tmp_path, "files", flip=True), 3):
    bright = batch.image[..., :1] > 0
    np.testing.assert_array_equal(batch.sketch, bright * batch.mask)
    assert 0 < batch.sketch.mean() < 0.5


def test_sketch_of_another_size_counts_as_unreadable(tmp_path, caplog):
  for name, size in (("a", 32), ("a_edge", 32), ("b", 32), ("b_edge", 40)):
    data = pictures.encoded(pictures.noise(size, size), "PNG")
    (tmp_path / f"{name}.png").write_bytes(data)
  take(guided(tmp_path, "files"), 2)
  assert "b.png" in caplog.text and "a.png" not in caplog.text


def test_edges_are_lines_inside_the_hole_only(noisy):
  config = guided(noisy, "edges", sketch_threshold=0.3)
  for batch in take(config, 2):
    assert batch.sketch.shape == (4, 16, 24, 1)
    assert set(np.unique(batch.sketch)) == {0, 1}
    assert np.all(batch.sketch <= batch.mask)


def test_sketches_can_be_dropped_always_in_training_never_in_validation(noisy):
  config = guided(
    noisy, "edges", sketch_threshold=0.3, sketch_drop_probability=1.0
  )
  config.data.validation_path = str(noisy)
  config.evaluation.pictures = 4
  assert take(config, 1)[0].sketch.max() == 0
  assert next(iter(build.validation_batches(config))).sketch.max() == 1


def test_mask_files_are_used_and_an_unreadable_one_is_named(noisy, tmp_path):
  folder = tmp_path / "masks"
  folder.mkdir()
  hole = np.full((16, 24, 3), 255, np.uint8)
  (folder / "a.png").write_bytes(pictures.encoded(hole, "PNG"))
  config = pictures.config(noisy)
  config.mask.update(kind="files", path=str(folder))
  assert take(config, 1)[0].mask.min() == 1
  (folder / "a.png").write_text("no picture")
  with pytest.raises(
    errors.UserError, match=r"config\.mask\.path: cannot read .*a\.png"
  ):
    take(config, 1)
