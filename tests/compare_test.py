"""A method of width 4 is trained for two steps and compared."""

import contextlib
import json
import pathlib
import re

import numpy as np
import pytest
from PIL import Image

from gatedinpaint_jax import compare, evaluate
from gatedinpaint_jax.evaluation import cases, frozen_masks
from gatedinpaint_jax.training import train
from tests import pictures, processes, programs, tiny_run

METHODS = ["mean_fill", "plain"]
COUNT = 7
# Without discriminator, which takes longest to compile.
CONFIG = """
from configs import comparison

def get_config():
  config = comparison.get_config()
  config.training.data.update(
    source="arrays", path="photos.npz", image_size=(16, 16)
  )
  config.training.model.update(width=4, discriminator="none")
  config.training.schedule.steps = 2
  config.training.evaluation.pictures = 0
  config.methods.plain = {"model": {"conv": "vanilla"}}
  gated = {"conv": "gated", "discriminator": "patch", "discriminator_width": 4}
  config.methods.gated = {"model": gated}
  config.methods.again = {"model": gated}
  config.trained = ("plain",)
  config.seeds = (0, 1)
  config.order = ("plain", "again", "mean_fill")
  config.images = "images"
  config.grid_pictures = 2
  return config
"""
FLAGS = {"config": "config.py", "workdir": "run"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
  """Where a comparison can be made."""
  folder = tmp_path_factory.mktemp("comparison")
  tiny_run.write_photos(folder)
  (folder / "config.py").write_text(CONFIG)
  for i in range(COUNT):
    pictures.write(folder / "images" / "deep" / f"{i}.x.png", seed=i)
  return folder


@pytest.fixture(scope="module")
def folder(prepared):
  """Where a comparison has been made, with its study."""
  with contextlib.chdir(prepared):
    programs.run(compare, **FLAGS, study="study")
  return prepared


@pytest.fixture(autouse=True)
def in_the_folder(prepared, monkeypatch):
  monkeypatch.chdir(prepared)


@pytest.fixture(scope="module")
def content(folder):
  return json.loads((folder / "run" / "comparison.json").read_text())


def test_json_has_the_budget_and_what_each_method_is(content):
  assert content["budget"] == {
    "steps": 2,
    "image_size": [16, 16],
    "pictures": "photos.npz",
    "seeds": [0, 1],
  }
  assert list(content["methods"]) == METHODS
  assert content["methods"]["mean_fill"] == {"trained": False}
  method = content["methods"]["plain"]
  assert method["steps"] == 2 and method["minutes"] > 0
  assert method["batch_size"] == 8
  assert method["parameters"]["generator"] > 10_000
  assert method["parameters"]["discriminator"] == 0
  assert content["config"]["mask_seed"] == 0
  commit = content["scored_at_commit"]
  assert commit is None or re.fullmatch(r"[0-9a-f]{40}(-dirty)?", commit)


def test_all_methods_fill_the_same_holes(content):
  assert list(content["masks"]) == ["free_form", "rectangle"]
  for kind, compared in content["masks"].items():
    assert compared["masks"]["name"] == kind and compared["pictures"] == COUNT
    assert list(compared["scores"]) == METHODS
    assert compared["differences_to"] == "plain"
    assert list(compared["differences"]) == ["mean_fill"]
    (pair,) = compared["order"]
    assert (pair["less"], pair["more"]) == ("plain", "mean_fill")
    assert set(compared["known_pixels_changed"].values()) == {0}


@pytest.mark.parametrize("kind", frozen_masks.KINDS)
def test_completed_pictures_are_kept(folder, kind):
  kept = folder / "run" / "completed" / kind
  for name in ("mean_fill", "plain/seed_0", "plain/seed_1"):
    names = sorted(path.name for path in (kept / name / "deep").iterdir())
    assert names == [f"{i}.x.png" for i in range(COUNT)]
  case = cases.find(cases.Place("", str(folder / "images")))[4]
  loader = cases.Loader(frozen_masks.MaskSet(kind, 0), (16, 16))
  loaded = loader.load(case)
  completed = np.asarray(Image.open(kept / "mean_fill" / "deep" / "4.x.png"))
  hole = loaded.hole
  np.testing.assert_array_equal(completed[~hole], loaded.image[~hole])
  assert (completed[hole] == completed[hole][0]).all()


def test_page_has_the_tables_and_the_grid_a_tile_for_each_method(folder):
  page = (folder / "run" / "comparison.md").read_text()
  for kind in ("free_form", "rectangle"):
    assert f"## Masks {kind}" in page
  assert "- plain < mean_fill in l1: " in page
  with Image.open(folder / "run" / "comparison.png") as grid:
    assert grid.size == (4 * (128 + 4) - 4, 16 + 4 * (16 + 128))


def test_evaluate_scores_what_was_kept_alike(folder, content, tmp_path):
  kept = folder / "run" / "completed" / "rectangle"
  programs.run(
    evaluate,
    completed=kept / "plain" / "seed_1",
    images=folder / "images",
    masks="rectangle",
    size="16x16",
    output=tmp_path / "a.json",
  )
  again = json.loads((tmp_path / "a.json").read_text())
  ours = json.loads((kept / "plain" / "seed_1.json").read_text())
  for key in ("rows", "masks", "scores", "bins", "size"):
    assert again[key] == ours[key]
  both = content["masks"]["rectangle"]["scores"]["plain"]["whole"]["psnr"]
  other = json.loads((kept / "plain" / "seed_0.json").read_text())
  means = [r["scores"]["whole"]["psnr"]["mean"] for r in (ours, other)]
  assert means[0] != means[1]
  assert both["mean"] == pytest.approx(np.mean(means), abs=1e-4)


def test_study_has_all_methods_and_the_originals(folder):
  key = json.loads((folder / "study" / "key.json").read_text())
  shown = [
    (picture["method"], picture["case"]) for picture in key["pictures"].values()
  ]
  assert {method for method, _ in shown} == {"original", *METHODS}
  # A run of six with the first kind of mask, then the next.
  expected = {f"free_form/deep/{i}.x" for i in range(6)}
  assert {case for _, case in shown} == expected | {"rectangle/deep/6.x"}
  assert len(shown) == 3 * COUNT
  assert (folder / "study" / "study.html").exists()


def test_second_run_trains_nothing_and_finds_the_same(
  folder, content, monkeypatch
):
  monkeypatch.setattr(
    train, "train_and_evaluate", lambda *args: pytest.fail("trained again")
  )
  saved = (folder / "run" / "comparison.png").read_bytes()
  programs.run(compare, **FLAGS)
  path = folder / "run" / "comparison.json"
  assert json.loads(path.read_text()) == content
  assert (folder / "run" / "comparison.png").read_bytes() == saved


@pytest.mark.parametrize(
  ("key", "value", "part"),
  [
    ("data.batch_size", 16, "config.data.batch_size: 16, was 8"),
    ("model.initializer", "released", "=variance_preserving, not released"),
    ("schedule.steps", 1, "schedule.steps"),
  ],
)
def test_runs_of_another_budget_are_refused(refused, key, value, part):
  refused(compare, FLAGS | {f"config.training.{key}": value}, part)


def test_comparison_killed_in_a_save_leaves_what_was_there(folder):
  names = [f"comparison{suffix}" for suffix in (".json", ".md", ".png")]
  before = [(folder / "run" / name).read_bytes() for name in names]
  program = f"""
import os, signal, sys
from gatedinpaint_jax import compare
sys.path.append(os.getcwd())  # of the configs
os.chdir({str(folder)!r})
rename = os.replace
def replace(part, path):
  if os.path.basename(path) in {names}:
    os.kill(os.getpid(), signal.SIGKILL)
  rename(part, path)
os.replace = replace
compare.main(["compare", "--config=config.py", "--workdir=run"])
"""
  killed = processes.run("-c", program)
  assert killed.returncode == -9, killed.stderr
  assert [(folder / "run" / name).read_bytes() for name in names] == before
  programs.run(compare, **FLAGS)


def test_run_that_was_told_to_stop_scores_nothing(tmp_path, monkeypatch):
  asked = []

  class Stopped:
    step = np.int32(1)

  def stop(config, workdir):
    asked.append(pathlib.Path(workdir).name)
    return Stopped()

  monkeypatch.setattr(train, "train_and_evaluate", stop)
  both = "('plain','again')"
  given = {"workdir": tmp_path / "run", "config.trained": both}
  programs.run(compare, **FLAGS | given)
  assert asked == ["seed_0"]
  assert not (tmp_path / "run" / "comparison.json").exists()


@pytest.mark.slow
def test_method_equals_itself_and_scores_as_evaluate_says(prepared, tmp_path):
  # So all begin alike and have the same pictures, crops, holes and masks.
  given = {
    "workdir": tmp_path / "run",
    "config.trained": "('gated','again')",
    "config.order": "('gated','again')",
    "config.seeds": "(0,)",
  }
  programs.run(compare, **FLAGS | given)
  content = json.loads((tmp_path / "run" / "comparison.json").read_text())
  assert content["methods"]["gated"]["parameters"]["discriminator"] > 1000
  for compared in content["masks"].values():
    assert compared["scores"]["gated"] == compared["scores"]["again"]
    (pair,) = compared["order"]
    assert pair["difference"]["mean"] == 0 and pair["verdict"] == "undecided"
  programs.run(
    evaluate,
    checkpoint=tmp_path / "run" / "gated" / "seed_0",
    images=prepared / "images",
    masks="rectangle",
    size="16x16",
    batch_size=8,
    output=tmp_path / "a.json",
  )
  again = json.loads((tmp_path / "a.json").read_text())
  assert again["scores"] == content["masks"]["rectangle"]["scores"]["gated"]
