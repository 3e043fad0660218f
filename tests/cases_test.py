"""Which pictures are scored, at what size, and what the next run would read."""

import pathlib

import numpy as np
import pytest
from PIL import Image

from gatedinpaint_jax import errors
from gatedinpaint_jax.evaluation import cases, frozen_masks
from gatedinpaint_jax.inference import jobs
from tests import job_files, pictures

MASKS = frozen_masks.MaskSet("rectangle", 0)
FILES = (
  "photos/a.png",
  "photos/below/deep/b.png",
  "photos/.hidden.png",
  "photos/notes.json",
  "more [1]/c.png",
  "d.png",
)


def write(folder, names, size=(16, 24)):
  for i, name in enumerate(names):
    pictures.write(folder / name, size, seed=i)
  return str(folder)


def write_noise(path, shape):
  pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
  picture = Image.fromarray(pixels)
  picture.save(path)
  return picture


def find(images, masks=None):
  given = (place and cases.Place("", str(place)) for place in (images, masks))
  return cases.find(*given)


def cover(path, size):
  (case,) = find(path)
  return cases.Loader(MASKS, size).load(case).image


def test_files_pair_up_by_name_and_are_in_the_order_of_names(tmp_path):
  images = write(tmp_path / "i", ["b.png", "a.jpg", "c/a.png"])
  masks = write(tmp_path / "m", ["a.png", "c/a.png", "b.png"])
  found = find(images, masks)
  assert [case.name for case in found] == ["a", "b", "c/a"]
  assert [case.index for case in found] == [0, 1, 2]
  assert found[2].mask == tmp_path / "m" / "c" / "a.png"
  assert found[0].completed is None


def test_single_mask_serves_all_pictures(tmp_path):
  images = write(tmp_path / "i", ["a.png", "b.png"])
  mask = write(tmp_path, ["m.png"]) + "/m.png"
  assert {str(case.mask) for case in find(images, mask)} == {mask}


def test_completion_without_a_picture_is_named(tmp_path):
  work = find(write(tmp_path / "i", ["a.png"]))
  more = write(tmp_path / "more", ["a.png", "d.png"])
  with pytest.raises(
    errors.UserError, match=r"--completed=.*: no picture for d"
  ):
    cases.with_completed(work, cases.Place("--completed", more))


def test_frozen_mask_is_that_of_the_place_among_all(tmp_path):
  images = write(tmp_path / "i", ["a.png", "b.png"])
  _, case = find(images)
  loaded = cases.Loader(MASKS).load(case)
  np.testing.assert_array_equal(loaded.hole, MASKS.mask(1, 16, 24))


def test_picture_that_has_the_size_keeps_its_pixels(tmp_path):
  path = write(tmp_path / "i", ["a.png"]) + "/a.png"
  expected = np.asarray(Image.open(path))
  for size in (None, (16, 24), (16, 20)):
    columns = slice(2, 22) if size == (16, 20) else slice(None)
    np.testing.assert_array_equal(cover(path, size), expected[:, columns])


@pytest.mark.parametrize(
  ("shape", "scaled"),
  [
    ((37, 91), (16, 40)),
    ((93, 37), (51, 20)),
    ((64, 80), (16, 20)),
    ((7, 100), (16, 229)),
  ],
)
def test_picture_is_scaled_whole_and_then_cropped(tmp_path, shape, scaled):
  path = tmp_path / "a.png"
  picture = write_noise(path, shape)
  whole = picture.resize(scaled[::-1], Image.Resampling.LANCZOS)
  top, left = (scaled[0] - 16) // 2, (scaled[1] - 20) // 2
  np.testing.assert_array_equal(
    cover(path, (16, 20)),
    np.asarray(whole)[top : top + 16, left : left + 20],
  )


@pytest.mark.parametrize("shape", [(3, 3001), (3002, 3), (40, 3000)])
def test_strip_is_that_part_of_the_whole_scaled_one(tmp_path, shape):
  path = tmp_path / "a.png"
  picture = write_noise(path, shape)
  factor = 12 / min(shape)
  scaled = tuple(round(side * factor) for side in shape)
  whole = np.asarray(picture.resize(scaled[::-1], Image.Resampling.LANCZOS))
  top, left = ((side - 12) // 2 for side in scaled)
  expected = whole[top : top + 12, left : left + 12]
  actual = cover(path, (12, 12))
  assert np.abs(actual.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("shape", [(1, 50000), (50000, 1)])
def test_strip_takes_no_more_memory_than_it_has_to(
  tmp_path, monkeypatch, shape
):
  path = tmp_path / "a.png"
  write_noise(path, shape)
  resize = Image.Image.resize

  def watched(picture, size, *args):
    assert size[0] * size[1] <= 17 * 256**2
    return resize(picture, size, *args)

  monkeypatch.setattr(Image.Image, "resize", watched)
  assert cover(path, (256, 256)).shape == (256, 256, 3)


@pytest.fixture
def folder(tmp_path, monkeypatch):
  folder = tmp_path / "here"
  folder.mkdir()
  monkeypatch.chdir(folder)
  job_files.touch(*FILES)
  (tmp_path / "link").symlink_to("here/photos")
  return folder


@pytest.mark.parametrize(
  "place",
  [
    "photos/*.png",
    "photos/*",
    "photos/**",
    "**/*.png",
    "*/*/**/*.png",
    "photos/*/*/b.png",
    "[d-e].png",
    "more [1]/*.png",
    "../link/*.png",
    "photos/../*.png",
    "d.png",
    "{here}/photos/*.png",
  ],
)
def test_pattern_would_read_what_the_program_finds_by_it(folder, place):
  place = place.format(here=folder)
  found = jobs.list_by_name("--images", [place]).values()
  found = {path.resolve().relative_to(folder) for path in found}
  would = {
    pathlib.Path(name)
    for name in FILES
    if cases.would_be_read(folder / name, place)
  }
  assert found and would == found


def test_all_in_a_folder_would_be_read(folder):
  for place in ("photos", "../link", "photos/", f"{folder}/photos"):
    assert cases.would_be_read("photos/new/r.json", place)
    assert cases.would_be_read("../link/r.json", place)
    assert not cases.would_be_read("photos_2/r.json", place)


def test_report_that_is_no_picture_would_not(folder):
  assert not cases.would_be_read("photos/r.json", "photos/*")
  assert cases.would_be_read("photos/r.png", "photos/*")
