"""Mistakes in what is given are told before anything is done."""

import os

import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.inference import jobs
from tests.job_files import find, refusal, touch


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  return tmp_path


def problems(*arguments):
  """Returns {picture: why it cannot be filled} of those that have a problem."""
  found = find(*arguments)
  return {str(job.image): job.problem for job in found if job.problem}


def test_only_pictures_that_would_become_one_result_are_refused():
  touch("p/1.jpg", "p/1.tif", "m.png", "q/1.jpg")
  expected = "p/1.jpg: would become out/1.png, as would p/1.tif; rename one"
  assert expected in refusal("p", "m.png", "out")
  message = refusal(["p/1.jpg", "q/1.jpg"], "m.png", "out")
  assert "p/1.jpg: would become out/1.png, as would q/1.jpg" in message
  touch("p/2.jpg")
  assert problems("p", "m.png", "out").keys() == {"p/1.jpg", "p/1.tif"}


def test_only_the_picture_of_two_masks_is_refused():
  touch("p/1.jpg", "m/1.png", "m/1.jpg", "n.png")
  same = "m/1.jpg and m/1.png have the same name; keep one"
  assert f"--mask: {same}" in refusal("p", "m", "out")
  assert f"--sketch: {same}" in refusal("p", "n.png", "out", "m")
  touch("p/2.jpg", "m/2.png")
  assert problems("p", "m", "out") == {"p/1.jpg": f"`mask`: {same}"}
  assert problems("p", "n.png", "out", "m") == {"p/1.jpg": f"`sketch`: {same}"}


def test_result_in_the_place_of_a_file_of_the_run_is_refused(here):
  touch("1.jpg", "m.png", "s.png", "p/1.jpg", "p/2.jpg", "m/1.png", "m/2.png")
  touch("1.png")
  os.symlink(".", "link")
  for output in ("1.png", "./1.png", here / "1.png", "link"):
    message = refusal("1.png", "m.png", str(output))
    assert "1.png is a picture, mask or sketch of this run" in message
  assert "m.png is a picture" in refusal("1.jpg", "m.png", "m.png")
  assert "s.png is a picture" in refusal("1.jpg", "m.png", "s.png", "s.png")
  os.symlink("m/2.png", "result.png")
  assert "result.png is a" in refusal("p/1.jpg", "m/*.png", "result.png")
  assert "m/1.png is a" in refusal("p/*.jpg", "m/*.png", "m")


def test_folder_of_pictures_or_masks_is_no_output():
  touch("p/1.jpg", "m/1.png")
  os.symlink("p", "link")
  for output, flag in (("p", "--image"), ("link", "--image"), ("m", "--mask")):
    message = refusal("p", "m", output)
    assert f"--output={output}: a second run would read" in message
    assert flag in message


def test_output_file_for_several_pictures_is_refused():
  touch("p/1.jpg", "p/2.jpg", "m.png", "there")
  message = refusal("p", "m.png", "out.png")
  assert "--output=out.png: must be a folder for the results of p" in message
  assert "must be a folder" in refusal(["p/1.jpg", "p/2.jpg"], "m.png", "o.jpg")
  assert "--output=there: a file, not a folder" in refusal(
    "p", "m.png", "there"
  )


def test_output_file_of_another_format_is_refused():
  touch("1.jpg", "m.png")
  message = refusal("1.jpg", "m.png", "out.bmp")
  assert "--output=out.bmp: must end in .jpg" in message


def test_folder_or_pattern_without_pictures_is_refused():
  touch("p/notes.txt", "m.png")
  assert "--image=p: no picture below" in refusal("p", "m.png", "out")
  for pattern in ("p/*", "q/*.jpg", "q*/x.jpg"):
    message = refusal(pattern, "m.png", "out")
    assert (
      f"--image={pattern}: no jpg, png, webp, tiff, gif, bmp, avif, heic or npy"
      " file" in message
    )


def test_nothing_that_pairs_is_refused():
  touch("p/1.jpg", "p/2.jpg", "m/3.png", "m/4.png")
  message = refusal("p", "m", "out")
  assert message.startswith("p/1.jpg: no mask named 1.* in m; files pair up")


def test_folder_that_cannot_be_listed_is_told(monkeypatch):
  touch("p/1.jpg", "p/a/2.jpg", "m.png")
  scan = os.scandir

  def fail_below(path):
    if str(path).endswith("a"):
      raise PermissionError(13, "Permission denied", path)
    return scan(path)

  monkeypatch.setattr(os, "scandir", fail_below)
  with pytest.raises(errors.UserError, match="p/a: cannot be read"):
    jobs.find(["p"], ["m.png"], [], "out")
