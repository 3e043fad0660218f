"""A person's mistakes at the command line: one line, exit code 2."""

import os
import pathlib

import numpy as np
import pytest
from absl import logging

from gatedinpaint_jax import main

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"
QUICKSTART = f"--config={CONFIGS / 'quickstart.py'}"


@pytest.fixture
def here(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  # The workdir is logged before a mistake is found.
  monkeypatch.setattr(logging, "info", lambda *_: None)


@pytest.mark.parametrize(
  ("flag", "parts"),
  [
    ("--config.data.imagesize=3", ['"image_size" instead of "imagesize"']),
    ("--config.schedle.steps=3", ['"schedule" instead of "schedle"']),
    ("--confg.seed=3", ["--confg.seed", "did you mean --config.seed?"]),
    ("--config.seed=many", ["config.seed", "many"]),
    ("--config.loss.separate_means=perhaps", ["separate_means", "perhaps"]),
    ("--config=configs/plases2.py", ["configs/plases2.py", "No such file"]),
  ],
)
@pytest.mark.usefixtures("here")
def test_mistaken_flag_names_what_would_be_right(refused, flag, parts):
  refused(main, [QUICKSTART, flag], *parts)


@pytest.mark.parametrize(
  ("flag", "parts"),
  [
    ("--config.data.image_size=64", ["config.data.image_size", "64"]),
    ("--config.model.dtype=half", ["config.model.dtype", "bfloat16"]),
    ("--config.model.width=10", ["config.model.width=10", "multiple of 4"]),
    ("--config.optimizer.decay=no", ["config.optimizer.decay", "cosine"]),
    ("--config.optimizer.average_decay=2.", ["average_decay=2.0", "[0, 1)"]),
    (
      "--config.optimizer.accumulation_steps=3",
      ["batch_size=8", "8 devices times 3 accumulation steps"],
    ),
    ("--config.optimizer.accumulation_steps=0", ["accumulation_steps=0"]),
    ("--config.optimizer.warmup_steps=-1", ["warmup_steps=-1", "in [0"]),
    ("--config.optimizer.clip_norm=-1.", ["clip_norm=-1.0", "in (0"]),
    ("--config.evaluation.strips=0", ["config.evaluation.strips=0"]),
    ("--config.data.image_size=(16.,16.)", ["whole numbers"]),
    ("--config.mask.boxes.size=(0.5,)", ["config.mask.boxes.size"]),
    ("--config.mask.strokes.count=(1.5,2.5)", ["strokes.count", "whole"]),
    ("--config.seed=-1", ["config.seed=-1"]),
    ("--config.schedule.steps=0", ["config.schedule.steps=0"]),
    ("--config.schedule.completion_steps=-1", ["completion_steps=-1: must"]),
  ],
)
@pytest.mark.usefixtures("here")
def test_mistaken_value_names_its_key(refused, flag, parts):
  refused(main, [QUICKSTART, "--workdir=.", flag], *parts)


@pytest.mark.parametrize(
  ("flags", "parts"),
  [
    (["model.channels=0"], ["config.model.channels=0", "[1, 256]"]),
    (["model.channels=2.5"], ["config.model.channels", "2.5"]),
    (["data.value_range=(5,5)"], ["value_range=(5, 5)", "in this order"]),
    (["data.value_range=(9,5)"], ["value_range=(9, 5)", "two finite numbers"]),
    (["data.value_range=(1,2,3,4)"], ["value_range=(1, 2, 3, 4)"]),
    (
      ["data.value_range=((0,1),(0,1),(0,1),(0,1))"],
      ["has 4 ranges", "for each of the 3 channels"],
    ),
    (["data.value_range=((0,1),2,3)"], ["2 must be (low, high)"]),
    (["data.value_range=('a','b')"], ["value_range"]),
    (["data.no_data=none"], ["config.data.no_data", "none"]),
    (["data.shown_channels=(3,)"], ["shown_channels=(3,)", "the 3 channels"]),
    (["data.shown_channels=(0,1)"], ["shown_channels=(0, 1)", "one or three"]),
    (["data.range_quantiles=(0.5,)"], ["range_quantiles=(0.5,)"]),
  ],
)
@pytest.mark.usefixtures("here")
def test_mistaken_channels_or_range_are_named(refused, flags, parts):
  flags = [f"--config.{flag}" for flag in flags]
  refused(main, [QUICKSTART, "--workdir=.", *flags], *parts)


@pytest.mark.parametrize(
  ("shape", "dtype", "flags", "parts"),
  [
    ((20, 24, 4), np.uint8, [], ["[9, 20, 24, 4]", "(config.model.channels)"]),
    ((20, 24), np.uint8, ["model.channels=3"], ["[9, 20, 24]", "[N, H, W, 3]"]),
    (
      (20, 24, 3),
      np.uint16,
      ["model.channels=13"],
      ["[9, 20, 24, 3]", "[N, H, W, 13]"],
    ),
    ((20, 24, 3), np.float64, ["data.value_range=(0,1)"], ["float64", "int16"]),
    ((20, 24, 3), np.int32, [], ["int32", "uint8, uint16, int16, float32"]),
    ((20, 24, 3), bool, [], ["is bool"]),
    ((20, 24, 3), np.float32, [], ["float32", "config.data.value_range"]),
  ],
)
@pytest.mark.usefixtures("here")
def test_arrays_of_another_count_or_type_are_named(
  refused, shape, dtype, flags, parts
):
  np.savez("pictures.npz", images=np.zeros((9, *shape), dtype))
  flags = [
    "data.source=arrays",
    "data.path=pictures.npz",
    "data.image_size=(16,16)",
    *flags,
  ]
  flags = [f"--config.{flag}" for flag in flags]
  refused(main, [QUICKSTART, "--workdir=.", *flags], "pictures.npz", *parts)


@pytest.mark.usefixtures("here")
def test_config_must_be_named(refused):
  refused(main, [], "--config is missing")


@pytest.mark.usefixtures("here")
def test_deterministic_run_asks_xla_for_it(refused, monkeypatch):
  monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_min_max=false")
  flags = [QUICKSTART, "--config.data.path=none", "--deterministic"]
  refused(main, flags, "config.data.path")
  assert os.environ["XLA_FLAGS"].split() == [
    "--xla_cpu_enable_fast_min_max=false",
    "--xla_gpu_deterministic_ops=true",
  ]
