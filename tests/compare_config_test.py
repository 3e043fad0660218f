"""An invalid comparison ends before anything is trained or written."""

import pathlib

import pytest

from configs import comparison
from gatedinpaint_jax import compare, compare_config
from tests import pictures, tiny_run

CONFIG = pathlib.Path(comparison.__file__)


@pytest.fixture
def right(tmp_path, monkeypatch):
  """The flags of a comparison that could begin."""
  photos = tiny_run.write_photos(tmp_path)
  for name, size in (("images", (24, 32)), ("small", (8, 8))):
    pictures.write(tmp_path / name / "a.png", size)
  (tmp_path / "damaged").mkdir()
  data = (tmp_path / "images" / "a.png").read_bytes()
  (tmp_path / "damaged" / "a.png").write_bytes(data[: len(data) // 2])
  (tmp_path / "mine").mkdir()
  (tmp_path / "mine" / "study.html").write_text("my own")
  (tmp_path / "asked").mkdir()
  (tmp_path / "asked" / "key.json").write_text("{}")
  monkeypatch.chdir(tmp_path)
  return {
    "config": CONFIG,
    "workdir": "run",
    "config.training.data.source": "arrays",
    "config.training.data.path": photos,
    "config.training.data.image_size": "(16,16)",
    "config.images": "images",
  }


def changed(right, change):
  """Returns the flags with the changes of a text, `key=value key=value`."""
  return right | dict(text.split("=", 1) for text in change.split())


@pytest.mark.parametrize(
  ("change", "parts"),
  [
    ("config.trained=('gatd',)", ["='gatd'", "gated, partial, vanilla"]),
    ("config.trained=()", ["config.trained", "must not be empty"]),
    ("config.trained=vanilla,gated", ["config.trained='vanilla,gated'"]),
    ("config.untrained=('photoshop',)", ["config.untrained='photoshop'"]),
    ("config.order=('gatd',)", ["config.order='gatd'"]),
    ("config.order=('patchmatch',)", ["config.order", "none of"]),
    ("config.mask_kinds=('star',)", ["config.mask_kinds='star'"]),
    (
      "config.trained=('gated','gated')",
      ["config.trained=", "has gated more than once"],
    ),
    ("config.seeds=()", ["config.seeds=()", "integers"]),
    ("config.seeds=(3,3)", ["config.seeds=(3, 3)", "different"]),
    ("config.seeds=(0,-1)", ["config.seeds=(0, -1)", "from 0 up"]),
    ("config.seeds=('a',)", ["config.seeds=('a',)", "integers"]),
    ("config.lpips=True", ["config.size=(16, 16)", "at least 32"]),
    (
      "config.training.data.batch_size=9",
      ["method vanilla", "config.data.batch_size=9", "8 devices"],
    ),
    ("config.mask_seed=-1", ["config.mask_seed=-1"]),
    ("config.study_pictures=0", ["config.study_pictures=0"]),
    ("config.batch_size=1000000000000", ["batch_size=1000000000000: must be"]),
    ("config.training.optimizer.eps=inf", ["method vanilla", "eps=inf: must"]),
    ("config.size=(8,16)", ["config.size=(8, 16)", "11"]),
    ("config.size=(64000,64000)", ["config.size=", "at most"]),
    ("config.images=no", ["config.images=no", "no such file"]),
    ("config.images=damaged", ["damaged/a.png: damaged or cut short"]),
    ("config.methods.partial.model.width=6", ["method partial", "width=6"]),
    ("workdir=images/run", ["--workdir=images/run", "config.images"]),
    ("study=images", ["--study=images", "config.images"]),
    (
      "workdir=images config.images=images/*.png",
      ["--workdir=images", "config.images=images/*.png for the next run"],
    ),
    ("study=photos.npz/x", ["--study=photos.npz/x: cannot be created in"]),
    ("study=asked", ["asked/key.json: is of another study"]),
    ("study=mine", ["--study=mine/study.html: exists without key.json"]),
    ("workdir=photos.npz/run", ["--workdir", "cannot be written"]),
  ],
)
def test_mistake_ends_with_one_line(right, refused, change, parts):
  refused(compare, changed(right, change), *parts)


@pytest.mark.usefixtures("right")
def test_config_must_be_named(refused):
  refused(compare, {}, "--config is missing")


@pytest.fixture
def divided(right):
  """The flags of a comparison whose pictures are in folders, and where."""
  for name in ("all/1", "all/2", "all/val/3", "all/val/4", "other/5"):
    pictures.write(pathlib.Path(f"{name}.png"))
  pathlib.Path("links").mkdir()
  pathlib.Path("links/6.png").symlink_to("../all/1.png")
  pathlib.Path("list.txt").write_text("other/5.png\nall/2.png\n")
  return right | {
    "config.training.data.source": "folder",
    "config.training.data.path": "all",
    "config.training.data.validation_path": "other",
  }


@pytest.mark.parametrize(
  ("change", "parts"),
  [
    ("config.images=all/val", ["all/val/3.png is trained on"]),
    ("config.images=links", ["links/6.png is trained on"]),
    (
      "config.images=all/*.png config.training.data.path=links",
      ["all/1.png is trained on"],
    ),
    (
      "config.images=all/*.png config.training.data.source=file_list "
      "config.training.data.path=list.txt",
      ["all/2.png is trained on", "config.training.data.path=list.txt"],
    ),
    (
      "config.training.data.path=nowhere",
      ["config.training.data.path: no folder at nowhere"],
    ),
  ],
)
def test_picture_that_is_trained_on_is_no_test(divided, refused, change, parts):
  refused(compare, changed(divided, change), *parts)


def test_pictures_that_training_leaves_out_may_be_scored(divided, config):
  config.training.data.update(source="folder", path="all", validation_path=None)
  config.training.evaluation.pictures = 1
  config.images = "all/1.png"  # the first of four, sorted
  assert len(compare_config.make_plan(config).work) == 1
  config.images = "all/2.png"
  with pytest.raises(compare_config.errors.UserError, match="is trained on"):
    compare_config.make_plan(config)


def test_missing_package_is_named_with_its_extra(right, refused, uninstall):
  uninstall("cv2")
  right |= {"config.untrained": "('mean_fill', 'opencv_telea')"}
  refused(compare, right, "cv2 is not installed", "[classical]")


def write_method(name, method):
  """Writes a config with one more method; returns the flags that train it."""
  path = pathlib.Path("mine.py")
  path.write_text(
    "from configs import comparison\n"
    "def get_config():\n"
    "  config = comparison.get_config()\n"
    f"  config.methods[{name!r}] = {method!r}\n"
    "  return config\n"
  )
  return {"config": path, "config.trained": repr((name,))}


@pytest.mark.parametrize(
  ("method", "parts"),
  [
    ({"seed": 3}, ["config.methods.mine.seed=3: must be a section"]),
    ({"data": {"flip": False}}, ["data.flip=False", "the same budget"]),
    (
      {"mask": {"kind": "boxes"}},
      ["mine.mask.kind", "set config.training.mask.kind for all"],
    ),
    ({"model": {"cnv": "gated"}}, ["model.cnv", "did you mean conv?"]),
    ({"model": {"width": "8"}}, ["model.width='8'"]),
    ({"data": {"batch_size": None}}, ["data.batch_size=None"]),
  ],
)
def test_method_has_only_what_makes_it(right, refused, method, parts):
  refused(compare, right | write_method("mine", method), *parts)


@pytest.mark.parametrize("name", ["mean_fill", "original", "completed", "a b"])
def test_method_has_a_name_that_nothing_else_has(right, refused, name):
  right |= write_method(name, {"model": {"conv": "gated"}})
  refused(compare, right, f"config.methods.{name}", "letters")


@pytest.fixture
def config(right):
  config = comparison.get_config()
  config.training.data.update(
    source="arrays",
    path=right["config.training.data.path"].name,
    image_size=(16, 16),
  )
  config.images = "images"
  return config


def test_methods_share_all_but_their_own_keys(config):
  config.seeds = (7, 8)
  plan = compare_config.make_plan(config)
  assert list(plan.trainings) == ["vanilla", "partial", "gated"]
  shared = config.training.to_dict()
  for name, runs in plan.trainings.items():
    assert list(runs) == [f"{name}/seed_7", f"{name}/seed_8"]
    for seed, training in zip((7, 8), runs.values(), strict=True):
      model = shared["model"] | config.methods[name].model.to_dict()
      assert training.to_dict() == shared | {"model": model, "seed": seed}
      assert training.model.conv == name


def test_one_training_takes_the_seed_of_its_config(config):
  config.training.seed = 7
  plan = compare_config.make_plan(config)
  assert plan.seeds == [7] and list(plan.trainings["gated"]) == ["gated/seed_7"]
  with config.unlocked():
    del config["seeds"], config["lpips"], config.training.model["initializer"]
  # A config that is older than the keys.
  plan = compare_config.make_plan(config)
  assert plan.seeds == [7] and not plan.has_lpips
  training = plan.trainings["gated"]["gated/seed_7"]
  assert training.model.initializer == "variance_preserving"


def test_whole_sections_of_another_config_make_a_method(config):
  other = comparison.get_training_config()
  other.loss.adversarial = 0.5
  config.methods.mine = {
    "loss": other.loss,
    "schedule": other.schedule,
    "optimizer": {"b1": 0.9},
    "data": {"batch_size": 16},
  }
  config.trained = ("mine",)
  config.order = ("mine",)
  plan = compare_config.make_plan(config)
  training = plan.trainings["mine"]["mine/seed_0"]
  assert training.loss.adversarial == 0.5
  assert training.optimizer.b1 == 0.9 and training.data.batch_size == 16
  assert config.training.loss.adversarial == 0.02


def test_order_passes_over_what_is_not_compared(config):
  config.trained = ("vanilla", "gated")
  assert compare_config.make_plan(config).order == ["gated", "vanilla"]
