"""Nothing is written where it, or the next run, reads."""

import pathlib

import pytest

from gatedinpaint_jax.evaluation import output_files
from gatedinpaint_jax.inference import jobs
from tests import pictures

FILES = (
  "photos/a.png",
  "photos/below/deep/b.png",
  "photos/.hidden.png",
  "photos/notes.json",
  "more [1]/c.png",
  "d.png",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
  folder = tmp_path / "here"
  for name in FILES:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pictures.encoded(pictures.noise(8, 8), "PNG"))
  (tmp_path / "link").symlink_to("here/photos")
  monkeypatch.chdir(folder)
  return folder


@pytest.mark.parametrize(
  "place",
  [
    "photos/*.png",
    "photos/*",
    "photos/?.png",
    "photos/**",
    "**/*.png",
    "*/*/**/*.png",
    "photos/*/*/b.png",
    "p*/a.png",
    "[d-e].png",
    "*.png",
    "more [1]/*.png",
    "../link/*.png",
    "photos/../*.png",
    "d.png",
    "{here}/photos/*.png",
  ],
)
def test_pattern_would_read_what_the_program_finds_by_it(folder, place):
  place = place.format(here=folder)
  found = jobs.by_name("--images", [place]).values()
  found = {path.resolve().relative_to(folder) for path in found}
  would = {
    pathlib.Path(name)
    for name in FILES
    if output_files.would_be_read(folder / name, place)
  }
  assert found and would == found


def test_all_in_a_folder_would_be_read(folder):
  for place in ("photos", "../link", "photos/", f"{folder}/photos"):
    assert output_files.would_be_read("photos/new/r.json", place)
    assert output_files.would_be_read("../link/r.json", place)
    assert not output_files.would_be_read("photos_2/r.json", place)


def test_report_that_is_no_picture_would_not(folder):
  assert not output_files.would_be_read("photos/r.json", "photos/*")
  assert output_files.would_be_read("photos/r.png", "photos/*")
