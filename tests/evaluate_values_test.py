"""What the data of an `evaluate` is: by checkpoints, by flags, or neither."""

import json
import pathlib

import numpy as np
import pytest

from gatedinpaint_jax import evaluate
from gatedinpaint_jax.evaluation import subjects
from tests import programs, small_checkpoint

SIZE = (24, 32)
RANGE = (250.0, 320.0)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
  """Pictures of one channel, and some that do not fit them."""
  monkeypatch.chdir(tmp_path)
  write("data", draw(1))
  write("partly", np.full((*SIZE, 1), np.nan, np.float32))
  write("wide", draw(5))
  return tmp_path


def draw(channels):
  noise = np.random.default_rng(0).uniform(*RANGE, (*SIZE, channels))
  return noise.astype(np.float32)


def write(folder, *images):
  pathlib.Path(folder).mkdir()
  for i, image in enumerate(images):
    np.save(f"{folder}/{i}.npy", image)


GREY = "--method=mean_fill --channels=1"


@pytest.mark.parametrize(
  ("flags", "parts"),
  [
    (f"{GREY} --value_range=0", ["--value_range=0: must be LOW,HIGH, such as"]),
    (f"{GREY} --value_range=5,5", ["--value_range=5,5: must be LOW,HIGH"]),
    (f"{GREY} --value_range=0,inf", ["--value_range=0,inf: must be LOW,HIGH"]),
    (f"{GREY} --value_range=a,b", ["--value_range=a,b: must be LOW,HIGH"]),
    (
      "--method=mean_fill --channels=4 --value_range=0,1,0,2",
      ["--value_range=0,1,0,2", "each of 4 channels"],
    ),
    ("--method=mean_fill --channels=0", ["--channels=0"]),
    (f"{GREY} --no_data=x", ["--no_data=x"]),
    (GREY, ["data/0.npy: values are float32, whose range", "(--value_range)"]),
    ("--method=mean_fill", ["data/0.npy", "--value_range"]),
    (
      "--method=mean_fill --channels=4 --value_range=0,1",
      ["data/0.npy: has 1 channels; ", "4 (--channels)"],
    ),
    (f"{GREY} --value_range=0,1 --lpips", ["--lpips: is for RGB, not for 1"]),
    (
      f"{GREY} --value_range=0,1 --fid_weights=no.pt",
      ["--fid_weights: is for RGB, not for 1 channels"],
    ),
    (
      "--method=patchmatch --channels=1 --value_range=0,1",
      ["patchmatch: fills RGB of 8 bits, not 1 channels"],
    ),
    (
      "--checkpoint=run --channels=3",
      ["--channels=3: the checkpoint run has 1"],
    ),
    (
      "--checkpoint=run --value_range=0,1",
      ["--value_range=0,1: the checkpoint run has 250,320; leave"],
    ),
    (
      "--checkpoint=run --no_data=-1",
      ["--no_data=-1", "the checkpoint run has none; leave the flag out"],
    ),
    (
      "--checkpoint=run --checkpoint=other",
      ["--checkpoint=other: is of other channels", "than --checkpoint=run"],
    ),
    (
      f"--completed=partly --masks=rectangle --value_range=250,320 {GREY}",
      ["partly/0.npy: has no data in parts of the hole"],
    ),
    (
      f"--completed=wide --masks=rectangle --value_range=250,320 {GREY}",
      ["wide/0.npy: has 5 channels"],
    ),
  ],
)
def test_mistake_ends_with_one_line(refused, flags, parts):
  if "checkpoint" in flags:
    data = {"value_range": list(RANGE)}
    small_checkpoint.write("run", channels=1, **data)
    small_checkpoint.write("other", channels=1, **data, no_data=0.0)
  given = ["--images=data", "--output=r.json", *flags.split()]
  refused(evaluate, given, *parts)


def test_picture_that_does_not_fit_is_found_before_any_is_scored(
  refused, monkeypatch
):
  np.save("data/1.npy", draw(5))
  monkeypatch.setattr(subjects, "load", lambda *_, **__: pytest.fail("loaded"))
  flags = "--images=data --output=r.json --channels=1 --value_range=250,320"
  refused(evaluate, [*flags.split(), "--method=mean_fill"], "1.npy: has 5")
  given = [*flags.split(), "--completed=wide", "--masks=rectangle"]
  pathlib.Path("data/1.npy").unlink()
  refused(evaluate, given, "wide/0.npy: has 5")


def test_flags_may_repeat_what_the_checkpoint_says():
  small_checkpoint.write("run", channels=1, value_range=list(RANGE))
  programs.run(
    evaluate,
    *("--checkpoint=run", "--channels=1", "--value_range=250,320"),
    images="data",
    output="r.json",
  )
  report = json.loads(pathlib.Path("r.json").read_text())
  assert report["values"]["value_range"] == [list(RANGE)]
