"""Unreadable files: what replaces them, and when there are too many."""

import os
import re

import numpy as np
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import build, photos
from tests import pictures


@pytest.fixture
def numbered(tmp_path):
  return pictures.write_numbered(tmp_path, 10)


@pytest.fixture
def noisy(tmp_path):
  for i in range(6):
    pictures.write(tmp_path / f"{i}.jpg", (32, 40), seed=i)
  return tmp_path


def spoil(folder):
  """Writes a picture of every unreadable kind; returns how many."""
  intact = pictures.encoded(pictures.noise(64, 64))
  (folder / "cut.jpg").write_bytes(intact[: len(intact) // 2])
  (folder / "text.jpg").write_text("no picture at all")
  (folder / "void.png").write_bytes(b"")
  return 3


def test_unreadable_pictures_are_replaced_counted_and_named(noisy, caplog):
  spoil(noisy)
  config = pictures.config(noisy)
  batches = pictures.take(config, 9)
  for batch in batches:
    assert batch.image.std(axis=(1, 2, 3)).min() > 0.05
  named = [
    re.fullmatch(
      r"config\.data\.path: cannot read .*/(\w+\.\w+) as a picture; another "
      rf"takes its place \({i} so far\)",
      record.getMessage(),
    )[1]
    for i, record in enumerate(caplog.records, start=1)
  ]
  assert sorted(named) == ["cut.jpg", "text.jpg", "void.png"]
  for a, b in zip(batches, pictures.take(config, 9), strict=True):
    pictures.assert_same(a, b)


def test_a_picture_too_long_to_be_scaled_is_replaced(
  noisy, caplog, monkeypatch
):
  monkeypatch.setattr(photos, "_MOST_PIXELS", 1 << 14)
  data = pictures.encoded(pictures.noise(1, 2000), "PNG")
  (noisy / "long.png").write_bytes(data)
  pictures.take(pictures.config(noisy), 4)
  assert "long.png" in caplog.text


def test_unreadable_pictures_do_not_move_the_others(numbered):
  before = pictures.take(pictures.config(numbered), 5)
  (numbered / "004.png").write_text("spoiled")
  after = pictures.take(pictures.config(numbered), 5)
  for a, b in zip(before, after, strict=True):
    np.testing.assert_array_equal(a.mask, b.mask)
    for x, y in zip(pictures.numbers(a), pictures.numbers(b), strict=True):
      assert x == y if x != 4 else y != 4


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused_in_a_list(numbered, make):
  make(numbered / "no_file.jpg")
  listed = numbered / "list.txt"
  listed.write_text("000.png\nno_file.jpg\n")
  with pytest.raises(errors.UserError, match=r"no_file\.jpg, which is not"):
    pictures.take(pictures.config(listed, source="file_list"), 1)


def test_only_unreadable_pictures_stop_at_once(tmp_path):
  count = spoil(tmp_path)
  with pytest.raises(
    errors.UserError,
    match=f"{count} of {count} pictures cannot be read, not one is readable:"
    r" .*cut\.jpg, .*text\.jpg, .*void\.png",
  ):
    build.find_pictures(pictures.config(tmp_path))


def test_too_many_unreadable_pictures_stop_the_stream(tmp_path):
  pictures.write_numbered(tmp_path, 20)
  for i in range(12):
    (tmp_path / f"z{i:02d}.jpg").write_text("no picture")
  batches = build.find_pictures(pictures.config(tmp_path)).batches()
  with pytest.raises(
    errors.UserError,
    match=r"^config\.data\.path: 11 of 32 pictures cannot be read, more than 1%"
    r" of the set: \S+\.jpg, .*, \S+\.jpg and 1 more; replace or remove them$",
  ):
    for _ in range(20):
      next(batches)


def test_sketch_of_another_size_counts_as_unreadable(tmp_path, caplog):
  for name, size in (("a", 32), ("a_edge", 32), ("b", 32), ("b_edge", 40)):
    pictures.write(tmp_path / f"{name}.png", (size, size))
  config = pictures.config(tmp_path, sketch="files")
  config.model.guided = True
  pictures.take(config, 2)
  assert "b.png" in caplog.text and "a.png" not in caplog.text
