"""Trains and describes the runs of a comparison."""

import contextlib
import itertools
import json
import pathlib
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax

import gatedinpaint_jax
from gatedinpaint_jax import compare_config, errors, files
from gatedinpaint_jax.evaluation import comparison, data_values, report
from gatedinpaint_jax.training import checkpoint_reader, config_drift
from gatedinpaint_jax.training import state as state_lib

# Training time of a run so far, in its workdir.
_CLOCK = "minutes.json"
_INTERVALS = {
  False: "Intervals are 95 %, bootstrapped over pictures. Each method was "
  "trained once: they do not include the effect of the seed.",
  True: "Intervals are 95 %, over pictures and seeds, by Student's t; for "
  "methods without training bootstrapped over pictures.",
}


def is_trained(config: Any, workdir: pathlib.Path) -> bool:
  """Returns whether a run is complete; raises UserError for another config."""
  if not workdir.exists():
    return False
  try:
    saved = checkpoint_reader.read(workdir)
  except errors.UserError:
    return False  # training reports or repairs it
  # A run may be resumed with another initializer, but not compared.
  drawn = saved.config["model"].get("initializer", "released")
  if drawn != config.model.initializer:
    raise errors.UserError(
      f"{saved.folder}: started with config.model.initializer={drawn}, not "
      f"{config.model.initializer}; name another `workdir`"
    )
  config_drift.check(
    saved.config, config.to_dict(), folder=saved.folder, allow_change=None
  )
  steps, done = config.schedule.steps, int(saved.folder.name)
  if done > steps:
    raise errors.UserError(
      f"{saved.folder}: is beyond config.training.schedule.steps={steps}; name "
      "another `workdir`"
    )
  return done == steps


def train(config: Any, workdir: pathlib.Path) -> bool:
  """Trains until `config.schedule.steps`; returns False if interrupted.

  See `training.preemption`.
  """
  # Loads TensorFlow.
  from gatedinpaint_jax.training import train

  with timed(workdir / _CLOCK):
    state = train.train_and_evaluate(config, workdir)
  return int(state.step) == config.schedule.steps


@contextlib.contextmanager
def timed(path: pathlib.Path):
  """Adds the minutes spent inside, even if it fails, to those in a file."""
  started = time.monotonic()
  try:
    yield
  finally:
    minutes = (time.monotonic() - started) / 60
    if path.parent.exists():
      total = _read_minutes(path) + minutes
      files.write(path, json.dumps(total).encode())


def describe(
  plan: compare_config.Plan, config: Any, workdir: pathlib.Path
) -> dict[str, Any]:
  """Returns a description of the comparison for the JSON file."""
  data = config.training.data
  return {
    "version": gatedinpaint_jax.__version__,
    "scored_at_commit": _find_commit(),
    "device": jax.devices()[0].device_kind,
    "budget": {
      "steps": config.training.schedule.steps,
      "image_size": list(data.image_size),
      "pictures": data.path,
      "seeds": plan.seeds,
    },
    "images": config.images,
    "size": list(config.size),
    "methods": {
      **{name: {"trained": False} for name in plan.untrained},
      **{
        name: _describe_runs([workdir / run for run in runs])
        for name, runs in plan.trainings.items()
      },
    },
    "config": config.to_dict(),
  }


def to_markdown(content: Mapping[str, Any]) -> str:
  """Returns the page of a comparison.

  The content is that of `describe`, and in `masks` {kind: result of
  `comparison.compare`}.
  """
  budget = content["budget"]
  seeds = budget["seeds"]
  blocks = [
    "# Comparison",
    f"Each trained method had {budget['steps']} steps with pictures of "
    f"{_by(budget['image_size'])} from {budget['pictures']}, "
    f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}. A seed "
    "determines pictures, crops, holes and their order. All filled the same "
    f"holes of {content['images']} at {_by(content['size'])}. Sizes are height "
    "x width.",
    report.table(
      [
        "Method",
        "Parameters of the generator",
        "of the discriminator",
        "Steps",
        "Pictures per step",
        "Minutes",
      ],
      itertools.starmap(_row, content["methods"].items()),
    ),
    "Minutes are wall-clock time of all seeds, including compilation and "
    "validation.",
  ]
  for kind, compared in content["masks"].items():
    blocks += [f"## Masks {kind}", *_section(compared)]
  return report.page([*blocks, _INTERVALS[len(seeds) > 1]])


def _describe_runs(workdirs: Sequence[pathlib.Path]) -> dict[str, Any]:
  saved = checkpoint_reader.read(workdirs[0], with_discriminator=True)
  return {
    "trained": True,
    "steps": int(saved.folder.name),
    "batch_size": saved.config["data"]["batch_size"],
    "minutes": sum(_read_minutes(workdir / _CLOCK) for workdir in workdirs),
    "parameters": {
      "generator": state_lib.count_parameters(saved.generator),
      "discriminator": state_lib.count_parameters(saved.discriminator),
    },
  }


def _read_minutes(path) -> float:
  return json.loads(path.read_text("utf-8")) if path.exists() else 0.0


def _find_commit() -> str | None:
  """Returns the commit of this source, with -dirty if it was modified."""
  root = pathlib.Path(__file__).parents[1]
  if not ((root / ".git").exists() and shutil.which("git")):
    return None  # without .git: installed, perhaps in another repository
  command = ("git", "describe", "--always", "--dirty", "--abbrev=40")
  done = subprocess.run(
    [*command, "--exclude=*"],
    cwd=root,
    capture_output=True,
    text=True,
    check=False,
  )
  return done.stdout.strip() or None


def _row(name, method) -> list[str]:
  if not method["trained"]:
    return [name, *[""] * 5]
  parameters = method["parameters"]
  return [
    name,
    f"{parameters['generator']:,}",
    f"{parameters['discriminator']:,}",
    method["steps"],
    method["batch_size"],
    f"{method['minutes']:.1f}",
  ]


def _section(compared) -> list[str]:
  masks, scores = compared["masks"], compared["scores"]
  is_partial = any(report.is_partial(s["whole"]) for s in scores.values())
  changed = compared["known_pixels_changed"]
  findings = [f"- {line}" for line in comparison.order_lines(compared)]
  findings += [f"- {n} changed known pixels." for n in changed if changed[n]]
  return [
    f"{compared['pictures']} pictures, masks of seed {masks['seed']}, digest "
    f"`{masks['digest']}`. Over the entire picture; l1 and l2 in percent of "
    "the original:",
    report.score_table(scores, "whole", corner="Method"),
    *data_values.sentences(compared),
    *comparison.data_units_blocks(scores),
    *comparison.difference_blocks(compared, "whole", corner="Method"),
    *([report.COUNTS] if is_partial else []),
    *(["\n".join(findings)] if findings else []),
  ]


def _by(size) -> str:
  return " x ".join(map(str, size))
