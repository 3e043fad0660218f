"""Batches of files and of arrays: what holds for both."""

import numpy as np
import pytest

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors
from gatedinpaint_jax.data import build
from tests import pictures


@pytest.fixture(params=["folder", "arrays"])
def save(request, tmp_path):
  """Returns the function that stores pictures and returns their config."""

  def save(images, **data):
    if request.param == "arrays":
      path = tmp_path / "pictures.npz"
      np.savez(path, images=images, sketches=images[..., 0])
    else:
      path = tmp_path / "pictures"
      path.mkdir()
      kinds = [".png"] + ["_edge.png"] * (data.get("sketch") == "files")
      for i, pixels in enumerate(images):
        for kind in kinds:
          content = pictures.encoded(pixels, "PNG")
          (path / f"{i:03d}{kind}").write_bytes(content)
    config = pictures.config(path, source=request.param, **data)
    config.model.guided = "sketch" in data
    return config

  return save


NOISY = np.stack([pictures.noise(32, 40, seed=i) for i in range(6)])
NUMBERED = np.stack([np.full((16, 24, 3), 8 * i, np.uint8) for i in range(10)])


def rows(batches, part):
  return np.concatenate([getattr(batch, part) for batch in batches])


def test_batches_follow_the_convention(save):
  config = save(NOISY)
  config.mask.kind = "strokes_and_boxes"
  (batch,) = pictures.take(config, 1)
  pictures.assert_follows_the_convention(batch)
  assert not np.array_equal(batch.mask[0], batch.mask[1])


def test_bytes_travel_to_the_devices(save):
  config = save(NOISY, sketch="edges", sketch_threshold=0.1)
  batches = build.find_pictures(config).batches()
  sent = next(batches)
  batches.close()
  assert {x.dtype for x in sent if x is not None} == {np.dtype(np.uint8)}
  (batch,) = pictures.take(config, 1)
  np.testing.assert_array_equal(sent.image, batch_lib.to_uint8(batch.image))
  for part in ("mask", "sketch"):
    np.testing.assert_array_equal(getattr(sent, part), getattr(batch, part))
    assert getattr(batch, part).max() == 1


def test_same_seed_same_batches_and_another_seed_others(save):
  config = save(NOISY, flip=True)
  first, second = (pictures.take(config, 3) for _ in range(2))
  for a, b in zip(first, second, strict=True):
    pictures.assert_same(a, b)
  config.seed = 1
  (other,) = pictures.take(config, 1)
  assert not np.array_equal(other.mask, first[0].mask)


def test_every_epoch_has_each_picture_once_in_a_new_order(save):
  seen = pictures.numbers(*pictures.take(save(NUMBERED), 10))
  epochs = [tuple(seen[i : i + 10]) for i in range(0, 40, 10)]
  assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
  assert len(set(epochs)) == 4


def test_without_shuffling_the_list_is_cycled_in_its_order(save):
  seen = pictures.numbers(*pictures.take(save(NUMBERED, shuffle=False), 5))
  assert seen == 2 * list(range(10))


@pytest.mark.parametrize("first_example", [4, 6, 11])
def test_resumed_stream_goes_on_where_it_stopped(save, first_example):
  config = save(NOISY, flip=True)
  uninterrupted = pictures.take(config, 5)
  resumed = pictures.take(config, 2, first_example=first_example)
  for part in ("image", "mask"):
    np.testing.assert_array_equal(
      rows(uninterrupted, part)[first_example:][:8], rows(resumed, part)
    )


def test_processes_divide_the_global_batch(save):
  config = save(NOISY)
  batches = pictures.take(config, 3)
  halves = [
    pictures.take(config, 3, process_index=i, process_count=2) for i in range(2)
  ]
  for batch, *parts in zip(batches, *halves, strict=True):
    for part in ("image", "mask"):
      np.testing.assert_array_equal(getattr(batch, part), rows(parts, part))


def test_held_out_pictures_never_appear_in_training(save):
  config = save(NUMBERED)
  config.evaluation.pictures = 2
  found = build.find_pictures(config)
  assert pictures.numbers(*found.validation) == [0, 5]
  trained = pictures.numbers(*pictures.take(config, 8))
  assert set(trained) == set(range(10)) - {0, 5}


def test_crops_reach_everywhere_and_half_of_the_pictures_are_mirrored(save):
  pixels = np.zeros((17, 25, 3), np.uint8)
  pixels[..., 0] = np.arange(25)
  pixels[..., 1] = np.arange(17)[:, None]
  images = rows(pictures.take(save(pixels[None], flip=True), 25), "image")
  levels = np.rint((images + 1) * 127.5).astype(int)
  left, right, top = levels[:, 0, 0, 0], levels[:, 0, -1, 0], levels[:, 0, 0, 1]
  assert 30 < sum(left > right) < 70
  corners = set(zip(np.minimum(left, right), top, strict=True))
  assert corners == {(x, y) for x in (0, 1) for y in (0, 1)}


def test_sketch_files_get_the_crop_and_flip_of_their_photos(save):
  # The sketch is the photo: a line exactly where the photo is bright.
  bright = NOISY[..., :1] > 128
  photos = np.repeat(np.where(bright, 255, 0), 3, axis=3).astype(np.uint8)
  for batch in pictures.take(save(photos, sketch="files", flip=True), 3):
    bright = batch.image[..., :1] > 0
    np.testing.assert_array_equal(batch.sketch, bright * batch.mask)
    assert batch.sketch.dtype == np.float32
    assert 0 < batch.sketch.mean() < 0.5


def test_edges_are_lines_inside_the_hole_only(save):
  for batch in pictures.take(
    save(NOISY, sketch="edges", sketch_threshold=0.3), 2
  ):
    assert batch.sketch.shape == (4, 16, 24, 1)
    assert set(np.unique(batch.sketch)) == {0, 1}
    assert np.all(batch.sketch <= batch.mask)


def test_sketches_can_be_dropped_always_in_training_never_in_validation(save):
  config = save(
    NOISY, sketch="edges", sketch_threshold=0.3, sketch_drop_probability=1.0
  )
  config.data.validation_path = config.data.path
  config.evaluation.pictures = 4
  assert pictures.take(config, 1)[0].sketch.max() == 0
  assert build.find_pictures(config).validation[0].sketch.max() == 1


def test_mask_files_are_used_and_an_unreadable_one_is_named(save, tmp_path):
  folder = tmp_path / "masks"
  folder.mkdir()
  hole = np.full((16, 24, 3), 255, np.uint8)
  (folder / "a.png").write_bytes(pictures.encoded(hole, "PNG"))
  config = save(NOISY)
  config.mask.update(kind="files", path=str(folder))
  assert pictures.take(config, 1)[0].mask.min() == 1
  (folder / "a.png").write_text("no picture")
  with pytest.raises(
    errors.UserError, match=r"config\.mask\.path: .*a\.png: not a picture"
  ):
    pictures.take(config, 1)
