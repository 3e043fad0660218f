"""Runs of the whole program on 16-pixel pictures."""

import dataclasses
import inspect
import json
import operator
import re

import jax
import numpy as np
import pytest
from flax import traverse_util
from PIL import Image
from tensorboard.backend.event_processing import event_accumulator

from configs import places2
from gatedinpaint_jax import build as networks_build
from gatedinpaint_jax import errors, values
from gatedinpaint_jax.baselines import losses
from gatedinpaint_jax.data import build as data_build
from gatedinpaint_jax.data import checks, hole_shapes, value_ranges
from gatedinpaint_jax.training import loop, train
from gatedinpaint_jax.training import setup as setup_lib
from tests import processes, standard_error, tiny_run


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
  """A finished run of four steps: (config, workdir, last state).

  Beside the workdir is `run.log`, what it wrote where there is no terminal.
  """
  jax.config.update("jax_disable_most_optimizations", True)
  workdir = tmp_path_factory.mktemp("run")
  config = tiny_run.config(photos)
  with standard_error.log_file(workdir.with_suffix(".log")):
    return config, workdir, train.train_and_evaluate(config, workdir)


def test_scalars_images_and_texts_reach_tensorboard(run):
  _, workdir, _ = run
  events = event_accumulator.EventAccumulator(str(workdir))
  events.Reload()
  tags = events.Tags()
  training = """
    generator_loss discriminator_loss l1_coarse l1_refined real_score fake_score
    spectral_norm/conv6 hole_fraction adversarial_gradient_ratio
    images_per_second seconds_waited_for_data
  """
  validation = """
    l1 l2 psnr hole_l1 hole_chroma original_hole_contrast gate/coarse.conv1
    gate/refinement.allconv16
  """
  wanted = {f"train/{name}" for name in training.split()}
  wanted |= {f"validation/{name}" for name in validation.split()}
  assert wanted <= set(tags["tensors"]) | set(tags["scalars"])
  assert "validation/strip" in {*tags["tensors"], *tags["images"]}
  assert {"config", "generator", "discriminator"} <= {
    tag.removesuffix("/text_summary") for tag in tags["tensors"]
  }
  steps = [event.step for event in events.Tensors("train/generator_loss")]
  assert steps == [2, 4]


def test_strip_has_a_row_for_each_picture_asked_for(run):
  _, workdir, _ = run
  strips = sorted(path.name for path in (workdir / "strips").iterdir())
  assert strips == ["step_0000000.png", "step_0000004.png"]
  with Image.open(workdir / "strips" / strips[0]) as strip:
    assert strip.size == (6 * 16, 14 + 2 * 16)


def test_checkpoint_of_another_model_names_what_differs(run, photos):
  _, workdir, _ = run
  config = tiny_run.config(photos)
  config.model.width = 8
  config.optimizer.average_decay = None
  with pytest.raises(
    errors.UserError,
    match=r"checkpoints/4 .*config\.model\.width: 8, was 4, "
    r"config\.model\.discriminator_width: 10, was 5, "
    r"config\.optimizer\.average_decay is set: False, was True",
  ):
    train.train_and_evaluate(config, workdir)


def test_resumed_run_equals_one_that_was_never_stopped(run, photos, tmp_path):
  _, _, expected = run
  with tiny_run.captured_log() as lines:
    train.train_and_evaluate(tiny_run.config(photos, steps=2), tmp_path)
    assert not any(line.startswith("resumed at") for line in lines)
    state = train.train_and_evaluate(tiny_run.config(photos), tmp_path)
  assert "resumed at step 2" in lines
  assert (state.step, state.examples_seen) == (4, 32)
  jax.tree.map(np.testing.assert_array_equal, state, expected)


def test_plain_lines_tell_of_a_run_in_a_log_file(run):
  _, workdir, _ = run
  log = workdir.with_suffix(".log").read_text()
  assert "\r" not in log
  number = r"-?\d[\d.e-]*"
  losses = (
    f"l1_refined {number}  adversarial_loss {number}  discriminator_loss "
    f"{number}  images_per_second {number}"
  )
  scores = (
    f"validation/hole_l1 {number}  validation/l1 {number}  validation/psnr "
    f"{number}"
  )
  patterns = (
    "found 9 pictures for training and 3 for validation",
    "generator: 29,624 parameters",
    "discriminator: 36,845 parameters",
    f"step 0  {scores}",
    "compiling the training step; this may take minutes",
    f"step 2  {losses}  remaining \\d\\d:\\d\\d",
    f"step 4  {losses}  remaining 00:00",
    f"step 4  {scores}",
  )
  # Orbax says this where a disk is slow.
  lines = [x for x in log.splitlines() if "Waiting for previous" not in x]
  assert len(lines) == len(patterns), log
  for line, pattern in zip(lines, patterns, strict=True):
    assert re.fullmatch(rf"\d\d:\d\d:\d\d {pattern}", line), line


def test_summary_names_the_strip_and_the_error_in_the_hole(
  photos, tmp_path, capsys
):
  with standard_error.terminal_of(rows=24, columns=80) as seen:
    train.train_and_evaluate(tiny_run.config(photos, steps=3), tmp_path)
  strip, hole = capsys.readouterr().out.strip().splitlines()
  assert str(tmp_path / "strips" / "step_0000003.png") in strip
  assert re.fullmatch(
    r"hole l1 on 3 held-out pictures: "
    r"mean fill 0\.\d{4}, step 0 0\.\d{4}, step 3 0\.\d{4}; "
    r"chroma \d\.\d\d of the originals'",
    hole,
  )
  # On a terminal, a live line takes the place of those of the training.
  assert "\rstep 3/3 |" in seen.text and " left" in seen.text
  assert "step 3  validation/hole_l1 " in seen.text
  assert "images_per_second" not in seen.text


def test_every_key_of_the_reference_config_is_read():
  # Only these modules read a config; some sections go in as a whole.
  readers = (
    *(train, loop, setup_lib, data_build, networks_build),
    *(values, value_ranges, checks),
  )
  source = "".join(inspect.getsource(module) for module in readers)
  config = places2.get_config()
  sections = {
    "loss": losses.LossWeights,
    "mask.strokes": hole_shapes.Strokes,
    "mask.boxes": hole_shapes.Boxes,
  }
  for section, kind in sections.items():
    fields = {field.name for field in dataclasses.fields(kind)}
    assert set(operator.attrgetter(section)(config)) == fields
  for key in traverse_util.flatten_dict(config.to_dict(), sep="."):
    if not key.startswith(tuple(sections)):
      # As the readers write it: the section, or a variable of its name.
      section, name = f"config.{key}".split(".")[-2:]
      read = rf'\b{section}(\.{name}\b|\["{name}"\])'
      assert re.search(read, source), f"nobody reads config.{key}"


@pytest.mark.slow
def test_training_from_arrays_works_without_tensorflow(photos, tmp_path):
  program = f"""
import sys
for name in ("clu", "tensorboard", "tensorflow", "tensorflow_datasets"):
  sys.modules[name] = None  # as if it were not installed
import numpy as np
from configs import places2
from gatedinpaint_jax.training import train
config = places2.get_config()
config.data.update(
  source="arrays", path={str(photos)!r}, image_size=(16, 16), batch_size=8
)
config.model.width = 4
config.optimizer.average_decay = 0.9  # the step of `kill_test`
config.schedule.update(steps=1, log_every_steps=1)
config.evaluation.update(pictures=2, strips=2, batch_size=2)
train.train_and_evaluate(config, {str(tmp_path)!r})
"""
  done = processes.run("-c", program, **processes.keep_compiled())
  assert done.returncode == 0, done.stderr
  lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
  keys = set().union(*map(json.loads, lines))
  assert {"train/generator_loss", "step", "time"} <= keys
