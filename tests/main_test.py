"""A person's mistakes at the command line: one line, exit code 2."""

import os
import pathlib

import numpy as np
import pytest
from absl import logging

from gatedinpaint_jax import errors, main
from tests import programs

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
    ("--wokdir=x", ["--wokdir", "did you mean --workdir?"]),
    ("--config.seed=many", ["config.seed", "many"]),
    ("--config.loss.separate_means=perhaps", ["separate_means", "perhaps"]),
    ("--config=configs/plases2.py", ["configs/plases2.py", "No such file"]),
    ("stray", ["'stray' is not a flag"]),
  ],
)
@pytest.mark.usefixtures("here")
def test_mistaken_flag_names_what_would_be_right(refused, flag, parts):
  refused(main, [QUICKSTART, flag], *parts)


@pytest.mark.parametrize(
  ("flag", "parts"),
  [
    ("--config.data.path=/no/such", ["config.data.path", "/no/such"]),
    ("--config.data.image_size=64", ["config.data.image_size", "64"]),
    ("--config.model.conv=gate", ["config.model.conv", "gated"]),
    ("--config.model.dtype=half", ["config.model.dtype", "bfloat16"]),
    ("--config.model.width=10", ["config.model.width=10", "multiple of 4"]),
    ("--config.optimizer.decay=no", ["config.optimizer.decay", "cosine"]),
    ("--config.optimizer.average_decay=2.", ["average_decay=2.0", "[0, 1)"]),
    (
      "--config.optimizer.accumulation_steps=3",
      ["batch_size=8", "8 devices times 3 accumulation steps"],
    ),
    ("--config.optimizer.accumulation_steps=0", ["accumulation_steps=0"]),
    ("--config.optimizer.b1=1.", ["config.optimizer.b1=1.0", "[0, 1)"]),
    ("--config.optimizer.warmup_steps=-1", ["warmup_steps=-1", "in [0"]),
    ("--config.optimizer.clip_norm=-1.", ["clip_norm=-1.0", "in (0"]),
    ("--config.evaluation.strips=0", ["config.evaluation.strips=0"]),
    ("--config.data.image_size=(16.,16.)", ["whole numbers"]),
    ("--config.mask.boxes.size=(0.5,)", ["config.mask.boxes.size"]),
    ("--config.mask.strokes.count=(1.5,2.5)", ["strokes.count", "whole"]),
    ("--config.seed=-1", ["config.seed=-1"]),
    ("--config.schedule.steps=0", ["config.schedule.steps=0"]),
    ("--config.schedule.completion_steps=-1", ["completion_steps=-1: must"]),
    ("--config.schedule.generator_every_steps=0", ["steps=0: must be in"]),
  ],
)
@pytest.mark.usefixtures("here")
def test_mistaken_value_names_its_key(refused, flag, parts):
  refused(main, [QUICKSTART, "--workdir=.", flag], *parts)


@pytest.mark.parametrize("in_the_way", ["file", "checkpoints", "strips"])
def test_workdir_that_cannot_be_written_is_named(tmp_path, in_the_way):
  np.savez(tmp_path / "a.npz", images=np.zeros((9, 64, 64, 3), np.uint8))
  (tmp_path / in_the_way).write_text("in the way")
  workdir = f"{tmp_path}/file/run" if in_the_way == "file" else tmp_path
  flags = {
    "workdir": workdir,
    "config.data.source": "arrays",
    "config.data.path": tmp_path / "a.npz",
    "config.data.validation_path": tmp_path / "a.npz",
  }
  with pytest.raises(errors.UserError, match=r"`workdir`.* cannot be written"):
    programs.run(main, QUICKSTART, **flags)


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
