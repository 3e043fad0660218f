"""A method of width 4 is trained for two steps and compared."""

import contextlib
import json
import pathlib
import re

import jax
import numpy as np
import pytest
from PIL import Image

from configs import global_local
from gatedinpaint_jax import compare, evaluate, train
from gatedinpaint_jax.networks import build
from gatedinpaint_jax.training import state
from tests import pictures, refusals, tiny_run

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
  config.methods.again = {"model": {"conv": "vanilla"}}
  adversarial = {"discriminator": "patch", "discriminator_width": 4}
  config.methods.gated = {"model": {"conv": "gated", **adversarial}}
  config.trained = ("plain",)
  config.seeds = (0, 1)
  config.order = ("plain", "again", "mean_fill")
  config.images = "images"
  config.grid_pictures = 2
  return config
"""
FLAGS = {"config": "config.py", "workdir": "run"}


def run(given):
  arguments = [f"--{name}={value}" for name, value in given.items()]
  return compare.main(["compare", *arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  """Where a comparison has been made, with its study."""
  jax.config.update("jax_disable_most_optimizations", True)
  folder = tmp_path_factory.mktemp("comparison")
  tiny_run.write_photos(folder)
  (folder / "config.py").write_text(CONFIG)
  (folder / "images").mkdir()
  for i in range(COUNT):
    pixels = pictures.noise(24, 32, seed=i)
    Image.fromarray(pixels).save(folder / "images" / f"{i}.png")
  with contextlib.chdir(folder):
    assert run(FLAGS | {"study": "study"}) == 0
  return folder


@pytest.fixture(autouse=True)
def in_the_folder(folder, monkeypatch):
  monkeypatch.chdir(folder)


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


def test_page_has_the_tables_and_the_grid_a_tile_for_each_method(folder):
  page = (folder / "run" / "comparison.md").read_text()
  for kind in ("free_form", "rectangle"):
    assert f"## Masks {kind}" in page
  assert "- plain < mean_fill in l1: " in page
  with Image.open(folder / "run" / "comparison.png") as grid:
    assert grid.size == (4 * (128 + 4) - 4, 16 + 4 * (16 + 128))


def test_evaluate_scores_what_was_kept_alike(folder, content, tmp_path):
  kept = folder / "run" / "completed" / "rectangle"
  given = {
    "completed": kept / "plain" / "seed_1",
    "images": folder / "images",
    "masks": "rectangle",
    "size": "16x16",
    "output": tmp_path / "a.json",
  }
  arguments = [f"--{name}={value}" for name, value in given.items()]
  assert evaluate.main(["evaluate", *arguments]) == 0
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
  assert len(shown) == 3 * COUNT
  assert (folder / "study" / "study.html").exists()


def test_second_run_trains_nothing_and_finds_the_same(
  folder, content, monkeypatch
):
  monkeypatch.setattr(
    train, "train_and_evaluate", lambda *args: pytest.fail("trained again")
  )
  saved = (folder / "run" / "comparison.png").read_bytes()
  assert run(FLAGS) == 0
  path = folder / "run" / "comparison.json"
  assert json.loads(path.read_text()) == content
  assert (folder / "run" / "comparison.png").read_bytes() == saved


def test_runs_of_another_budget_are_refused(monkeypatch, capsys):
  changed = FLAGS | {"config.training.data.batch_size": 16}
  printed = refusals.refusal(compare, changed, monkeypatch, capsys)
  assert "config.data.batch_size: 16, was 8" in printed
  changed = FLAGS | {"config.training.model.initializer": "released"}
  printed = refusals.refusal(compare, changed, monkeypatch, capsys)
  assert "initializer=variance_preserving, not released" in printed
  changed = FLAGS | {"config.training.schedule.steps": 1}
  printed = refusals.refusal(compare, changed, monkeypatch, capsys)
  assert "schedule.steps" in printed


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
  assert run(FLAGS | given) == 0
  assert asked == ["seed_0"]
  assert not (tmp_path / "run" / "comparison.json").exists()


def test_minutes_of_all_parts_of_a_run_add_up(tmp_path, monkeypatch):
  times = iter([0.0, 90.0, 0.0, 30.0])
  monkeypatch.setattr(compare.time, "monotonic", lambda: next(times))
  path = tmp_path / "minutes.json"
  with compare._timed(path):
    pass
  with pytest.raises(KeyboardInterrupt), compare._timed(path):
    raise KeyboardInterrupt
  assert json.loads(path.read_text()) == 2


def test_averages_of_batches_are_no_parameters():
  # Source: configs/global_local.py, whose layers have 6,072,131 by hand.
  generator, _ = build.build_networks(global_local.get_config())
  image = jax.numpy.zeros((1, 16, 16, 3))
  variables = jax.eval_shape(
    lambda: generator.init(jax.random.key(0), image, image[..., :1], None)
  )
  assert state.count_parameters(variables["params"]) == 6_072_131
  assert state.count_parameters(None) == 0


@pytest.mark.slow
def test_gated_method_with_its_discriminator_scores_as_evaluate_says(
  folder, tmp_path
):
  given = {
    "workdir": tmp_path / "run",
    "config.trained": "('gated',)",
    "config.order": "('gated','mean_fill')",
    "config.seeds": "(0,)",
  }
  assert run(FLAGS | given) == 0
  content = json.loads((tmp_path / "run" / "comparison.json").read_text())
  method = content["methods"]["gated"]
  assert method["steps"] == 2
  assert method["parameters"]["discriminator"] > 1000
  for compared in content["masks"].values():
    assert list(compared["scores"]) == ["mean_fill", "gated"]
    assert compared["known_pixels_changed"]["gated"] == 0
    assert list(compared["differences"]) == ["mean_fill"]
  page = (tmp_path / "run" / "comparison.md").read_text()
  assert "- gated < mean_fill in l1: " in page and " points" in page
  given = {
    "checkpoint": tmp_path / "run" / "gated" / "seed_0",
    "images": folder / "images",
    "masks": "rectangle",
    "size": "16x16",
    "batch_size": 8,
    "output": tmp_path / "a.json",
  }
  arguments = [f"--{name}={value}" for name, value in given.items()]
  assert evaluate.main(["evaluate", *arguments]) == 0
  again = json.loads((tmp_path / "a.json").read_text())
  assert again["scores"] == content["masks"]["rectangle"]["scores"]["gated"]


@pytest.mark.slow
def test_method_equals_itself(folder, tmp_path):
  # So all begin alike and have the same pictures, crops, holes and masks.
  given = {"workdir": tmp_path / "run", "config.trained": "('plain','again')"}
  assert run(FLAGS | given) == 0
  content = json.loads((tmp_path / "run" / "comparison.json").read_text())
  for compared in content["masks"].values():
    assert compared["scores"]["plain"] == compared["scores"]["again"]
    pair = compared["order"][0]
    assert (pair["less"], pair["more"]) == ("plain", "again")
    assert pair["difference"]["mean"] == 0 and pair["verdict"] == "undecided"
