r"""Trains several methods under one budget and scores them beside each other.

  python -m gatedinpaint_jax.compare --config=configs/comparison.py \
      [--workdir=DIR] [--study=DIR] [--config.section.key=value ...]

Steps, pictures, their order and their holes are the same for all methods.
Writes into the workdir:

  comparison.md, .json, .png  tables, all numbers, some pictures
  METHOD/seed_N/              a run, as `gatedinpaint_jax.main` makes it
  completed/MASKS/RUN/        what METHOD/seed_N, or an untrained METHOD, made
                              of the pictures, as png
  completed/MASKS/RUN.json    what `evaluate` reports on them

Goes on where it was stopped; what is trained is not trained again. Exit codes:
0 done, 2 a mistake in the config, the flags or a file.
"""

import contextlib
import json
import pathlib
import subprocess
import time
from typing import Any

import jax
from absl import flags, logging
from ml_collections import config_flags

import gatedinpaint_jax
from gatedinpaint_jax import (
  command_line,
  compare_config,
  config_drift,
  errors,
  terminal,
)
from gatedinpaint_jax.evaluation import (
  comparison,
  comparison_files,
  report,
  study_page,
  subjects,
)
from gatedinpaint_jax.inference import memory
from gatedinpaint_jax.metrics import perceptual
from gatedinpaint_jax.training import checkpoint_reader
from gatedinpaint_jax.training import state as state_lib
from gatedinpaint_jax.training import workdir as workdir_lib

# How long a run took so far, in its workdir.
_CLOCK = "minutes.json"
_STUDY_TITLE = "Which pictures look natural?"


def main(argv) -> int:
  """Runs the comparison that the flags describe; returns the exit code."""
  options = _parse(argv)
  config, study = options.config, options.study
  config_file = config_flags.get_config_filename(options["config"])
  folder = options.workdir or f"runs/{pathlib.Path(config_file).stem}"
  plan = compare_config.read(config)
  for flag, written in (("--workdir", folder), ("--study", study)):
    if written:
      compare_config.check_apart(flag, written, plan, config)
  runs = {
    name: training
    for name, training in _runs(plan).items()
    if not _is_trained(training, pathlib.Path(folder).expanduser() / name)
  }
  # Not after hours of training.
  scores = {"lpips": perceptual.load()} if plan.has_lpips else {}
  if study:
    study_page.check_folder(study, is_new=bool(runs))
  if runs:
    compare_config.check_readable(plan.work)
  workdir = workdir_lib.make(folder, folders=(comparison_files.FOLDER,))
  terminal.tidy()
  logging.info("workdir: %s", workdir)
  for name, training in runs.items():
    logging.info("training %s", name)
    if not _train(training, workdir / name):
      return 0
  try:
    tables = _compare(plan, config, workdir, scores)
  except memory.TooLargeError as error:
    raise errors.UserError(
      f"{error.need}; name a smaller config.batch_size or config.size"
    ) from error
  print(tables)
  print(f"{workdir}: comparison.md, comparison.json and comparison.png")
  if study:
    _write_study(plan, config, workdir, study)
    print(f"{study}: {study_page.PAGE} for raters, {study_page.KEY} for you")
  return 0


def _parse(argv) -> flags.FlagValues:
  values = flags.FlagValues()
  config_flags.DEFINE_config_file(
    "config",
    None,
    "What to compare: configs/comparison.py or a file like it.",
    flag_values=values,
    sys_argv=list(argv),
    lock_config=True,
  )
  flag = command_line.definers(values)
  flag.text(
    "workdir",
    None,
    "Where all of it goes; by default runs/ and the name of the config.",
  )
  flag.text("study", None, "A folder for the page of a user study.")
  try:
    command_line.parse(values, argv, doc=__doc__, required=("config",))
    # A file that does not load says so only when it is used.
    values.config.to_dict()
  except command_line.CONFIG_ERRORS as error:
    text = error.args[0] if isinstance(error, KeyError) else error
    raise errors.UserError(str(text)) from error
  return values


def _runs(plan) -> dict[str, Any]:
  """Returns the config of each run by its place in the workdir."""
  return {
    compare_config.run_name(method, seed): training
    for method, by_seed in plan.trainings.items()
    for seed, training in by_seed.items()
  }


def _is_trained(config, workdir) -> bool:
  """Returns whether a run is done, and checks that it is one of this config."""
  if not workdir.exists():
    return False
  try:
    saved = checkpoint_reader.read(workdir)
  except errors.UserError:
    return False  # training says what is wrong, or puts it right
  # No matter to a run that goes on, but to a comparison.
  drawn = saved.config["model"].get("initializer", "released")
  if drawn != config.model.initializer:
    raise errors.UserError(
      f"{saved.folder}: began with config.model.initializer={drawn}, not "
      f"{config.model.initializer}; name another --workdir"
    )
  config_drift.check(
    saved.config, config.to_dict(), folder=saved.folder, allow_change=None
  )
  steps, done = config.schedule.steps, int(saved.folder.name)
  if done > steps:
    raise errors.UserError(
      f"{saved.folder}: is beyond config.training.schedule.steps={steps}; name "
      "another --workdir"
    )
  return done == steps


def _train(config, workdir) -> bool:
  """Trains until `config.schedule.steps`; returns whether they are done.

  They are not if the run was told to stop, as `training.preemption` says.
  """
  # Loads TensorFlow.
  from gatedinpaint_jax import train

  with _timed(workdir / _CLOCK):
    state = train.train_and_evaluate(config, workdir)
  return int(state.step) == config.schedule.steps


@contextlib.contextmanager
def _timed(path: pathlib.Path):
  """Adds the minutes inside to those in a file, after a failure too."""
  started = time.monotonic()
  try:
    yield
  finally:
    minutes = (time.monotonic() - started) / 60
    if path.parent.exists():
      total = _read_minutes(path) + minutes
      report.write(path, json.dumps(total).encode())


def _read_minutes(path) -> float:
  return json.loads(path.read_text("utf-8")) if path.exists() else 0.0


def _compare(plan, config, workdir, scores) -> str:
  """Scores all methods, writes what was found and returns the tables."""
  reports = {loader.mask_set.kind: {} for loader in plan.loaders}
  shown = {kind: {} for kind in reports}
  of_method = {name: name for name in plan.untrained} | {
    run: method for method in plan.trainings for run in _runs_of(plan, method)
  }
  for name, method in of_method.items():
    # One network at a time is in memory.
    subject = plan.untrained.get(name) or subjects.of_checkpoint(workdir / name)
    for loader in plan.loaders:
      kind = loader.mask_set.kind
      built, completed = comparison_files.score(
        name,
        subject,
        plan.work,
        loader,
        folder=workdir / comparison_files.FOLDER,
        images=config.images,
        version=gatedinpaint_jax.__version__,
        batch_size=plan.batch_size,
        show=plan.grid_pictures,
        scores=scores,
      )
      reports[kind].setdefault(method, []).append(built)
      # Of several seeds the first one is drawn.
      shown[kind].setdefault(method, completed)
      logging.info("scored %s with masks %s", name, kind)
  content = _describe(plan, config, workdir) | {
    "masks": {
      kind: comparison.compare(by_method, order=plan.order)
      for kind, by_method in reports.items()
    }
  }
  tables = comparison.to_markdown(content)
  grid = comparison_files.draw(plan.work, plan.loaders, list(shown.values()))
  for suffix, data in (
    ("png", grid),
    ("md", tables.encode(errors="backslashreplace")),
    ("json", report.to_json(content)),
  ):
    report.write(workdir / f"comparison.{suffix}", data)
  return tables


def _describe(plan, config, workdir) -> dict[str, Any]:
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
        name: _describe_runs([workdir / run for run in _runs_of(plan, name)])
        for name in plan.trainings
      },
    },
    "config": config.to_dict(),
  }


def _runs_of(plan, method) -> list[str]:
  return [compare_config.run_name(method, s) for s in plan.trainings[method]]


def _describe_runs(workdirs) -> dict[str, Any]:
  """Describes the runs of one method, which differ in their seeds alone."""
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


def _find_commit() -> str | None:
  """Returns the commit of this source, with -dirty if it was changed."""
  root = pathlib.Path(__file__).parents[1]
  if not (root / ".git").exists():
    return None  # installed, perhaps below another repository
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


def _write_study(plan, config, workdir, folder) -> None:
  pictures = comparison_files.study_pictures(
    plan.work[: config.study_pictures],
    plan.loaders,
    {name: name for name in plan.untrained}
    | {name: _runs_of(plan, name)[0] for name in plan.trainings},
    workdir / comparison_files.FOLDER,
  )
  study_page.write(
    folder, pictures, seed=config.training.seed, title=_STUDY_TITLE
  )


if __name__ == "__main__":
  command_line.run(main)
