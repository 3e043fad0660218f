"""A person's mistakes at the command line: one line, exit code 2."""

import os
import pathlib
import sys
from unittest import mock

import numpy as np
import pytest

from gatedinpaint_jax import command_line, main
from tests import processes

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"


def run(capsys, *arguments, config="quickstart"):
  """Runs the program in this process; returns (exit code, what it printed)."""
  argv = ["main", *arguments]
  if config:
    argv.insert(1, f"--config={CONFIGS / config}.py")
  with mock.patch.object(sys, "argv", argv):
    with pytest.raises(SystemExit) as caught:
      command_line.run(main.main)
  return caught.value.code, capsys.readouterr().err


def assert_one_line(result, *parts):
  code, printed = result
  assert code == 2
  lines = [line for line in printed.splitlines() if line.startswith("error: ")]
  assert len(lines) == 1, printed
  assert "Traceback" not in printed
  for part in parts:
    assert part in lines[0]


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
def test_mistaken_flag_names_what_would_be_right(capsys, flag, parts):
  assert_one_line(run(capsys, flag), *parts)


def folder_of_texts(tmp_path):
  for i in range(12):
    (tmp_path / f"{i}.jpg").write_text("not a picture")


@pytest.mark.parametrize(
  ("arguments", "parts"),
  [
    (["--config.data.path=/no/such"], ["config.data.path", "/no/such"]),
    (["--config.data.image_size=(60,64)"], ["config.data.image_size", "60"]),
    (["--config.data.image_size=64"], ["config.data.image_size", "64"]),
    (["--config.data.source=floder"], ["config.data.source", "folder"]),
    (["--config.data.batch_size=9"], ["config.data.batch_size=9", "8 devices"]),
    (["--config.model.conv=gate"], ["config.model.conv", "gated"]),
    (["--config.model.dtype=half"], ["config.model.dtype", "bfloat16"]),
    (["--config.model.initializer=he"], ["model.initializer", "released"]),
    (["--config.model.width=10"], ["config.model.width=10", "multiple of 4"]),
    (["--config.optimizer.decay=no"], ["config.optimizer.decay", "cosine"]),
    (["--config.optimizer.average_decay=2."], ["average_decay=2.0", "[0, 1)"]),
    (
      ["--config.optimizer.accumulation_steps=3"],
      ["batch_size=8", "8 devices times 3 accumulation steps"],
    ),
    (["--config.optimizer.accumulation_steps=0"], ["accumulation_steps=0"]),
    (["--config.optimizer.b1=1."], ["config.optimizer.b1=1.0", "[0, 1)"]),
    (["--config.optimizer.warmup_steps=-1"], ["warmup_steps=-1", "0 or more"]),
    (["--config.optimizer.clip_norm=-1."], ["clip_norm=-1.0", "above 0"]),
    (["--config.evaluation.strips=0"], ["config.evaluation.strips=0"]),
    (["--config.data.image_size=(16.,16.)"], ["whole numbers"]),
    (["--config.mask.boxes.size=(0.5,)"], ["config.mask.boxes.size"]),
    (["--config.mask.strokes.count=(1.5,2.5)"], ["strokes.count", "whole"]),
    (["--config.seed=-1"], ["config.seed=-1"]),
    (["--config.schedule.steps=0"], ["config.schedule.steps=0"]),
    (["--config.model.guided=True"], ["config.data.sketch"]),
  ],
)
def test_mistaken_value_names_its_key(capsys, tmp_path, arguments, parts):
  result = run(capsys, f"--workdir={tmp_path}", *arguments)
  assert_one_line(result, *parts)


def test_empty_folder_and_folder_of_texts_are_named(capsys, tmp_path):
  flag = f"--config.data.path={tmp_path}"
  fitting = ["--config.evaluation.batch_size=8", f"--workdir={tmp_path}/w"]
  assert_one_line(
    run(capsys, *fitting, flag), "config.data.path", str(tmp_path)
  )
  folder_of_texts(tmp_path)
  assert_one_line(run(capsys, *fitting, flag), "config.data.path", "0.jpg")


@pytest.mark.parametrize("in_the_way", ["file", "checkpoints", "strips"])
def test_workdir_that_cannot_be_written_is_named(capsys, tmp_path, in_the_way):
  np.savez(tmp_path / "a.npz", images=np.zeros((9, 64, 64, 3), np.uint8))
  (tmp_path / in_the_way).write_text("in the way")
  workdir = f"{tmp_path}/file/run" if in_the_way == "file" else tmp_path
  result = run(
    capsys,
    f"--workdir={workdir}",
    "--config.data.source=arrays",
    f"--config.data.path={tmp_path}/a.npz",
    f"--config.data.validation_path={tmp_path}/a.npz",
  )
  assert_one_line(result, "--workdir", "cannot be written")


def test_config_must_be_named(capsys):
  assert_one_line(run(capsys, config=None), "--config is missing")


def test_program_ends_with_exit_code_two_and_no_traceback(tmp_path):
  done = processes.run(
    *("-m", "gatedinpaint_jax.main", f"--workdir={tmp_path}/run"),
    *("--config=configs/quickstart.py", "--config.data.path=/no/such"),
  )
  result = done.returncode, done.stderr
  assert_one_line(result, "config.data.path", "/no/such")
  assert not (tmp_path / "run").exists()


def test_deterministic_run_asks_xla_for_it(capsys, tmp_path, monkeypatch):
  monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_min_max=false")
  flag = f"--config.data.path={tmp_path / 'none'}"
  assert_one_line(run(capsys, "--deterministic", flag), "config.data.path")
  assert os.environ["XLA_FLAGS"].split() == [
    "--xla_cpu_enable_fast_min_max=false",
    "--xla_gpu_deterministic_ops=true",
  ]
