"""The runs of a comparison: trains them and says what they were."""

import contextlib
import json
import pathlib
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax

import gatedinpaint_jax
from gatedinpaint_jax import compare_config, config_drift, errors, files
from gatedinpaint_jax.evaluation import comparison, report
from gatedinpaint_jax.training import checkpoint_reader
from gatedinpaint_jax.training import state as state_lib

# How long a run took so far, in its workdir.
_CLOCK = "minutes.json"
_INTERVALS = {
  False: "Intervals are 95 %, bootstrapped over pictures. Each method was "
  "trained once: what another seed would change is not in them.",
  True: "Intervals are 95 %, over pictures and seeds, by Student's t; of "
  "methods without training bootstrapped over pictures.",
}


def is_trained(config: Any, workdir: pathlib.Path) -> bool:
  """Returns whether a run is done, and checks that this config trained it."""
  if not workdir.exists():
    return False
  try:
    saved = checkpoint_reader.read(workdir)
  except errors.UserError:
    return False  # training reports what is wrong, or repairs it
  # A run may be resumed with another initializer, but not compared.
  drawn = saved.config["model"].get("initializer", "released")
  if drawn != config.model.initializer:
    raise errors.UserError(
      f"{saved.folder}: began with config.model.initializer={drawn}, not "
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
  """Trains until `config.schedule.steps`; returns whether they are done.

  They are not if the run was told to stop, as `training.preemption` says.
  """
  # Loads TensorFlow.
  from gatedinpaint_jax import train as train_lib

  with timed(workdir / _CLOCK):
    state = train_lib.train_and_evaluate(config, workdir)
  return int(state.step) == config.schedule.steps


@contextlib.contextmanager
def timed(path: pathlib.Path):
  """Adds the minutes spent inside to those in a file, after a failure too."""
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
  """Returns what was compared, for the JSON file."""
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
        name: _describe_runs([workdir / run for run in plan.run_names(name)])
        for name in plan.trainings
      },
    },
    "config": config.to_dict(),
  }


def to_markdown(content: Mapping[str, Any]) -> str:
  """Returns the page of a comparison.

  Args:
    content: what `describe` returns and, in `masks`, what `comparison.compare`
      returns for each kind.
  """
  budget = content["budget"]
  seeds = budget["seeds"]
  lines = [
    "# Comparison",
    "",
    f"Each trained method had {budget['steps']} steps with pictures of "
    f"{_by(budget['image_size'])} from {budget['pictures']}, "
    f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}: of one seed "
    "the same pictures, crops and holes in the same order. All filled the same "
    f"holes of {content['images']} at {_by(content['size'])}. Sizes are height "
    "x width.",
    "",
    *report.table(
      [
        "Method",
        "Parameters of the generator",
        "of the discriminator",
        "Steps",
        "Pictures a step",
        "Minutes",
      ],
      (),
    ),
    *(_row(name, method) for name, method in content["methods"].items()),
    "",
    "Minutes are of the clock, with compiling and validating, all seeds "
    "together.",
  ]
  for kind, compared in content["masks"].items():
    lines += ["", f"## Masks {kind}", "", *_section(compared)]
  lines += ["", _INTERVALS[len(seeds) > 1]]
  return "\n".join(lines) + "\n"


def _describe_runs(workdirs: Sequence[pathlib.Path]) -> dict[str, Any]:
  """Describes the runs of one method, which differ only in their seeds."""
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
  """Returns the commit of this source, with -dirty if it was changed."""
  root = pathlib.Path(__file__).parents[1]
  if not (root / ".git").exists():
    return None  # installed, perhaps inside another repository
  command = ("git", "describe", "--always", "--dirty", "--abbrev=40")
  try:
    done = subprocess.run(
      [*command, "--exclude=*"],
      cwd=root,
      capture_output=True,
      text=True,
      check=False,
    )
  except OSError:
    return None
  return done.stdout.strip() or None


def _row(name, method) -> str:
  if not method["trained"]:
    return f"| {name} | | | | | |"
  parameters = method["parameters"]
  return (
    f"| {name} | {parameters['generator']:,} | "
    f"{parameters['discriminator']:,} | {method['steps']} | "
    f"{method['batch_size']} | {method['minutes']:.1f} |"
  )


def _section(compared) -> list[str]:
  masks, scores = compared["masks"], compared["scores"]
  leaves_out = any(report.leaves_out(own["whole"]) for own in scores.values())
  changed = compared["known_pixels_changed"]
  return [
    f"{compared['pictures']} pictures, masks of seed {masks['seed']}, digest "
    f"`{masks['digest']}`. Over the whole picture; l1 and l2 in percent of the "
    "original:",
    "",
    *report.table_by_name(scores, "whole", corner="Method"),
    "",
    *comparison.difference_lines(compared, "whole", corner="Method"),
    *(["", report.COUNTS] if leaves_out else []),
    *([""] if compared["order"] else []),
    *(f"- {line}" for line in comparison.order_lines(compared)),
    *(f"- {name} changed known pixels." for name in changed if changed[name]),
  ]


def _by(size) -> str:
  return " x ".join(map(str, size))
