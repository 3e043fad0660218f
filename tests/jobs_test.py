"""Pictures, masks, sketches and results pair up as their names say."""

import os
import unicodedata

import pytest

from tests.job_files import find, refusal, touch


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  return tmp_path


def names(found):
  """Returns [(image, mask, output)] as text."""
  return [
    (str(job.image), job.mask and str(job.mask), str(job.output))
    for job in found
  ]


@pytest.mark.parametrize("output", ["out.png", "out.JPG", "new.d/out.tiff"])
def test_one_file_becomes_the_output_file(output):
  touch("photo.jpg", "hole.png")
  found = find("photo.jpg", "hole.png", output)
  assert names(found) == [("photo.jpg", "hole.png", output)]
  assert found[0].problem is None and found[0].sketch is None


def test_one_file_goes_into_an_output_folder():
  touch("a/photo.jpg", "hole.png")
  os.mkdir("there.png")
  for output in ("new", "runs.v2", "there.png"):
    (job,) = find("a/photo.jpg", "hole.png", output, suffix=".webp")
    assert str(job.output) == f"{output}/photo.webp"


def test_several_files_pair_by_stem():
  touch("b.jpg", "a.jpg", "m/a.png", "n/b.png")
  found = find(["b.jpg", "a.jpg"], ["m/a.png", "n/b.png"], "out")
  assert names(found) == [
    ("b.jpg", "n/b.png", "out/b.png"),
    ("a.jpg", "m/a.png", "out/a.png"),
  ]


def test_folders_keep_their_structure():
  touch("p/1.jpg", "p/a/1.jpg", "p/a/b/2.JPEG", "p/3.tiff")
  touch("m/1.png", "m/a/1.png", "m/a/b/2.png", "m/3.webp")
  assert names(find("p", "m", "out")) == [
    ("p/1.jpg", "m/1.png", "out/1.png"),
    ("p/3.tiff", "m/3.webp", "out/3.png"),
    ("p/a/1.jpg", "m/a/1.png", "out/a/1.png"),
    ("p/a/b/2.JPEG", "m/a/b/2.png", "out/a/b/2.png"),
  ]


def test_patterns_pair_by_what_the_star_stands_for():
  touch("d/1_photo.jpg", "d/2_photo.jpg", "d/1_mask.png", "d/2_mask.png")
  assert names(find("d/*_photo.jpg", "d/*_mask.png", "d")) == [
    ("d/1_photo.jpg", "d/1_mask.png", "d/1_photo.png"),
    ("d/2_photo.jpg", "d/2_mask.png", "d/2_photo.png"),
  ]
  touch("m/1.png", "m/2.png", "e/IMG_1.x.jpg", "e/IMG_2.x.jpg")
  found = find("e/IMG_*.x.jpg", "m", "out")
  assert names(found) == [
    ("e/IMG_1.x.jpg", "m/1.png", "out/IMG_1.x.png"),
    ("e/IMG_2.x.jpg", "m/2.png", "out/IMG_2.x.png"),
  ]


def test_other_patterns_pair_by_stem():
  touch("p/a1.jpg", "p/a2.png", "m/a1.png", "m/a2.png", "p/a3.txt")
  expected = [
    ("p/a1.jpg", "m/a1.png", "out/a1.png"),
    ("p/a2.png", "m/a2.png", "out/a2.png"),
  ]
  for image in ("p/a?.*", "p/*", "p/a[12].*", "p/**/a*"):
    mask = "m/a*.png" if image.endswith("a*") else "m/*"
    assert names(find(image, mask, "out")) == expected
  assert names(find("p/a1.*", "m", "out")) == expected[:1]
  assert names(find("p/a?.jpg", "m", "out")) == expected[:1]
  touch("p [1]/a1.jpg")
  assert len(find("p [1]/*.jpg", "m", "out")) == 1


def test_one_mask_file_serves_all():
  touch("p/1.jpg", "p/a/2.jpg", "hole.png")
  assert {job.mask.name for job in find("p", "hole.png", "out")} == {"hole.png"}
  touch("m/1.png")  # one in a folder is for its own picture
  first, second = find("p", "m", "out")
  assert str(first.mask) == "m/1.png" and first.problem is None
  assert second.mask is None and second.problem == "no mask named a/2.* in m"


def test_sketches_pair_likewise():
  touch("p/1.jpg", "p/2.jpg", "m.png", "s/1.png", "s.png")
  first, second = find("p", "m.png", "out", "s")
  assert str(first.sketch) == "s/1.png" and first.problem is None
  assert second.sketch is None and second.problem == "no sketch named 2.* in s"
  assert [str(j.sketch) for j in find("p", "m.png", "out", "s.png")] == [
    "s.png",
    "s.png",
  ]


def test_hidden_files_folders_and_parts_are_no_pictures():
  touch("p/1.jpg", "p/.2.jpg", "p/.1.png.part", "p/3.jpg.part", "p/notes.txt")
  touch("p/.thumbnails/1.jpg", "p/.thumbnails/a/9.jpg", "m.png")
  for image in ("p", "p/*", "p/**/*"):
    assert [str(j.image) for j in find(image, "m.png", "out")] == ["p/1.jpg"]


def test_folder_named_like_a_picture_is_listed():
  touch("p/1.jpg", "m.png", "p/x.jpg/9.jpg")
  found = find("p", "m.png", "out")
  assert [str(job.image) for job in found] == ["p/1.jpg", "p/x.jpg"]
  assert len(find("p/*.jpg", "m.png", "out")) == 2


@pytest.mark.parametrize(
  "output", ["p/out", "./p/../p/out", "HERE/p/out", "link/out", "p/out.png"]
)
@pytest.mark.parametrize("image", ["p", "HERE/p", "p/../p", "p/**/*.jpg"])
def test_results_of_a_former_run_are_no_pictures(here, image, output):
  touch("p/1.jpg", "p/a/2.jpg", "p/out/1.jpg", "p/out/a/2.jpg", "m.png")
  os.symlink("p", "link")
  if output == "p/out.png":  # for a folder, an odd name
    os.rename("p/out", output)
  image, output = (x.replace("HERE", str(here)) for x in (image, output))
  found = find(image, "m.png", output)
  assert [job.image.name for job in found] == ["1.jpg", "2.jpg"]


def test_masks_may_lie_below_the_output_folder():
  touch("1.jpg", "out/masks/a/1.png", "out/masks/1.png")
  for mask in ("out/masks", "out/masks/*.png"):
    (job,) = find("1.jpg", mask, "out")
    assert str(job.mask) == "out/masks/1.png"
  (job,) = find("1.jpg", "out/masks/a/**/*.png", "out")
  assert str(job.mask) == "out/masks/a/1.png"


def test_what_is_given_as_mask_is_no_picture():
  touch("p/1.jpg", "p/mask.png", "q/1.jpg", "q/1_mask.jpg", "r/1.jpg")
  touch("r/masks/1.jpg", "r/lines/1.jpg")
  assert names(find("p", "p/mask.png", "out")) == [
    ("p/1.jpg", "p/mask.png", "out/1.png")
  ]
  assert names(find("q/*.jpg", "q/*_mask.jpg", "out")) == [
    ("q/1.jpg", "q/1_mask.jpg", "out/1.png")
  ]
  (job,) = find("r", "r/masks", "out", "r/lines")
  assert str(job.image) == "r/1.jpg"


def test_picture_cannot_be_its_own_mask():
  touch("p/1.jpg")
  for mask in ("p", "p/1.jpg", "p/../p/*.jpg"):
    assert "--image=p: the same file" in refusal("p", mask, "out")


@pytest.mark.parametrize(
  "name",
  ["a.b", "[1]", "with space", "grüße", "a*b", "x.png", "2020.01.02 (1)"],
)
def test_any_name_pairs(name):
  touch(f"p/{name}.jpg", "p/other.jpg", f"m/{name}.png", "m/other.png")
  expected = (f"p/{name}.jpg", f"m/{name}.png", f"out/{name}.png")
  assert expected in names(find("p", "m", "out"))
  assert names(find(f"p/{name}.jpg", "m", "out")) == [expected]
  assert names(find(f"p/{name}.jpg", [f"m/{name}.png"], "out")) == [expected]


def test_accents_pair_however_they_are_written():
  decomposed = unicodedata.normalize("NFD", "é")
  touch(f"p/{decomposed}.jpg", f"m/{unicodedata.normalize('NFC', 'é')}.png")
  (job,) = find("p", "m", "out")
  assert job.problem is None
  assert job.output.name == f"{decomposed}.png"


def test_home_is_understood(here, monkeypatch):
  monkeypatch.setenv("HOME", str(here))
  touch("p/1.jpg", "m/1.png")
  for image, mask in (("~/p", "~/m"), ("~/p/*.jpg", "~/m/*.png")):
    (job,) = find(image, mask, "~/out")
    assert job.output == here / "out/1.png" and job.problem is None


def test_picture_given_twice_is_done_once():
  touch("p/1.jpg", "m.png")
  assert len(find(["p", "p/1.jpg", "./p/*.jpg"], "m.png", "out")) == 1
