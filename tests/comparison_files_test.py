import io
import json

import numpy as np
import pytest
from PIL import Image

from gatedinpaint_jax import errors
from gatedinpaint_jax.evaluation import (
  cases,
  comparison_files,
  frozen_masks,
  subjects,
)
from tests import pictures

COUNT = 8
LOADERS = [
  cases.Loader(frozen_masks.MaskSet(kind, 5), (24, 24))
  for kind in frozen_masks.KINDS
]


@pytest.fixture
def work(tmp_path):
  folder = tmp_path / "images" / "deep"
  folder.mkdir(parents=True)
  for i in range(COUNT):
    pixels = pictures.noise(24, 32, seed=i)
    Image.fromarray(pixels).save(folder / f"{i}.x.png")
  return cases.find([str(tmp_path / "images")], None, None)


def score(work, folder, *, fill=7, loader=LOADERS[0], show=3):
  def complete(loaded, capacity):
    assert capacity == 4
    return [
      np.where(entry.hole[..., None], np.uint8(fill), entry.image)
      for entry in loaded
    ]

  return comparison_files.score(
    "seven",
    subjects.Subject({"method": "seven"}, complete),
    work,
    loader,
    folder=folder,
    images="images",
    version="1",
    batch_size=4,
    show=show,
  )


def read(data):
  return np.asarray(Image.open(io.BytesIO(data)))


def test_completed_pictures_and_their_report_are_kept(work, tmp_path):
  scored = score(work, tmp_path / "out")
  kept = tmp_path / "out" / "free_form"
  assert json.loads((kept / "seven.json").read_text()) == json.loads(
    json.dumps(scored.report)
  )
  assert scored.report["pictures"] == COUNT
  assert sorted(p.name for p in (kept / "seven" / "deep").iterdir()) == [
    f"{i}.x.png" for i in range(COUNT)
  ]
  original, hole = LOADERS[0].load(work[4])[1:]
  picture = read((kept / "seven" / "deep" / "4.x.png").read_bytes())
  assert (picture[hole] == 7).all()
  np.testing.assert_array_equal(picture[~hole], original[~hole])
  assert len(scored.shown) == 3
  np.testing.assert_array_equal(
    scored.shown[2], read((kept / "seven" / "deep" / "2.x.png").read_bytes())
  )


def test_grid_has_a_row_for_each_mask_of_each_first_picture(work, tmp_path):
  shown = [
    {
      name: score(work, tmp_path, fill=fill, loader=loader, show=2).shown
      for name, fill in (("a", 0), ("b", 255))
    }
    for loader in LOADERS
  ]
  grid = read(comparison_files.draw(work, LOADERS, shown))
  side = 6 * 24
  assert grid.shape == (16 + 4 * (16 + side), 4 * (side + 4) - 4, 3)
  loaded = LOADERS[1].load(work[1])
  top = 16 + 3 * (16 + side) + 16
  for column, fill in ((2, 0), (3, 255)):
    left = column * (side + 4)
    tile = grid[top : top + side : 6, left : left + side : 6]
    assert (tile[loaded.hole] == fill).all()
    np.testing.assert_array_equal(
      tile[~loaded.hole], loaded.image[~loaded.hole]
    )


def test_study_has_each_picture_once_for_each_method(work, tmp_path):
  for loader in LOADERS:
    score(work, tmp_path / "out", loader=loader)
  found = comparison_files.study_pictures(
    work, LOADERS, {"seven": "seven"}, tmp_path / "out"
  )
  assert list(found) == ["original", "seven"]
  # A run of six with the first kind of mask, then the next.
  expected = [f"free_form/deep/{i}.x" for i in range(6)]
  expected += [f"rectangle/deep/{i}.x" for i in (6, 7)]
  assert list(found["original"]) == list(found["seven"]) == expected
  original, hole = LOADERS[1].load(work[6])[1:]
  np.testing.assert_array_equal(
    read(found["original"]["rectangle/deep/6.x"]), original
  )
  assert (read(found["seven"]["rectangle/deep/6.x"])[hole] == 7).all()


def test_folder_that_cannot_be_made_is_named(work, tmp_path):
  (tmp_path / "free_form").write_text("in the way")
  with pytest.raises(errors.UserError, match="deep: cannot be written"):
    score(work, tmp_path)
