r"""Trains several methods under the same budget and compares their scores.

  python -m gatedinpaint_jax.compare --config=configs/comparison.py \
      [--workdir=DIR] [--study=DIR] [--config.section.key=value ...]

All methods train for the same steps, on the same pictures with the same holes
in the same order. Writes into the workdir:

  comparison.md, .json, .png  tables, all numbers, some pictures
  METHOD/seed_N/              the workdir of a run of `gatedinpaint_jax.main`
  completed/MASKS/RUN/        the pictures as completed by METHOD/seed_N or by
                              an untrained METHOD, as png; as npy if they are
                              not photographs
  completed/MASKS/RUN.json    the report of `evaluate` on them

Resumes an interrupted comparison; finished runs are not trained again. Exit
codes: 0 done, 2 a mistake in the config, the flags or a file.
"""

import pathlib

import numpy as np
from absl import logging
from ml_collections import config_flags

import gatedinpaint_jax
from gatedinpaint_jax import (
  command_line,
  compare_config,
  compare_runs,
  errors,
  files,
  terminal,
)
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import photo_files
from gatedinpaint_jax.evaluation import (
  cases,
  comparison,
  frozen_masks,
  pictures,
  report,
  report_files,
  scoring,
  subjects,
)
from gatedinpaint_jax.inference import memory
from gatedinpaint_jax.metrics import perceptual
from gatedinpaint_jax.study import page as study_page
from gatedinpaint_jax.training import workdir as workdir_lib

_STUDY_TITLE = "Which pictures look natural?"


def main(argv) -> int:
  """Runs the comparison that the flags describe; returns the exit code."""
  options = _parse(argv)
  config, study = options.config, options.study
  config_file = config_flags.get_config_filename(options["config"])
  folder = options.workdir or f"runs/{pathlib.Path(config_file).stem}"
  plan = compare_config.make_plan(config)
  for flag, written in (("--workdir", folder), ("--study", study)):
    if written:
      _check_apart(flag, written, plan, config)
  missing = {
    name: training
    for runs in plan.trainings.values()
    for name, training in runs.items()
    if not compare_runs.is_trained(training, files.expand(folder) / name)
  }
  # Fails before hours of training, not after.
  lpips = perceptual.load() if plan.has_lpips else None
  if study:
    if plan.values.channels != 3:
      raise errors.UserError(
        f"--study={study}: people rate RGB, not {plan.values.channels} channels"
        " (config.training.model.channels); leave it out"
      )
    with errors.prefixed("--study="):
      study_page.check_folder(study, is_new=bool(missing))
  if missing:
    for case in plan.work:
      photo_files.read(case.image)  # so far only its header was read
  workdir = workdir_lib.make(folder, folders=(compare_config.COMPLETED,))
  terminal.tidy()
  logging.info("workdir: %s", workdir)
  for name, training in missing.items():
    logging.info("training %s", name)
    if not compare_runs.train(training, workdir / name):
      return 0
  try:
    tables = _compare(plan, config, workdir, lpips)
  except memory.TooLargeError as error:
    raise errors.UserError(
      f"{error}; name a smaller config.batch_size or config.size"
    ) from error
  print(tables)
  print(f"{workdir}: comparison.md, comparison.json and comparison.png")
  if study:
    study_page.write(
      study,
      _study_pictures(plan, config, workdir),
      seed=config.training.seed,
      title=_STUDY_TITLE,
    )
    print(f"{study}: {study_page.PAGE} for raters, {study_page.KEY} for you")
  return 0


def _parse(argv) -> command_line.Flags:
  flag = command_line.Flags()
  flag.config_file(argv, "The comparison, such as configs/comparison.py.")
  flag.text(
    "workdir",
    "Folder for runs and results; by default runs/ and the config's name.",
  )
  flag.text("study", "A folder for the page of a user study.")
  return command_line.parse(flag, argv, doc=__doc__, required=("config",))


def _check_apart(flag, folder, plan, config) -> None:
  """Raises UserError if the next run would read results as input pictures."""
  data = config.training.data
  written = [pathlib.Path(folder) / "comparison.png"]
  written += [
    _completed_path(folder, kind, name, plan.work[0], plan.values)
    for kind in config.mask_kinds
    for name in plan.method_of
  ]
  places = {
    "config.images": config.images,
    "config.training.data.path": data.path,
    "config.training.data.validation_path": data.validation_path,
  }
  places = [cases.Place(key, place) for key, place in places.items() if place]
  cases.check_not_read(f"{flag}={folder}", written, places)


def _completed_path(workdir, kind, name, case, values) -> pathlib.Path:
  suffix = ".png" if values == values_lib.PHOTOGRAPHS else ".npy"
  # Not with_suffix, because a name may contain a dot.
  return pathlib.Path(
    workdir, compare_config.COMPLETED, kind, name, f"{case.name}{suffix}"
  )


def _compare(plan, config, workdir, lpips) -> str:
  reports = {loader.mask_set.kind: {} for loader in plan.loaders}
  for name, method in plan.method_of.items():
    for kind, built in _score(name, plan, config, workdir, lpips):
      reports[kind].setdefault(method, []).append(built)
      logging.info("scored %s with masks %s", name, kind)
  content = compare_runs.describe(plan, config, workdir) | {
    "masks": {
      kind: comparison.compare(runs, order=plan.order)
      for kind, runs in reports.items()
    }
  }
  tables = compare_runs.to_markdown(content)
  rows = [
    _row(loader, case, plan, config, workdir)
    for loader in plan.loaders
    for case in plan.work[: config.grid_pictures]
  ]
  grid = pictures.to_png(pictures.draw_grid(rows))
  report_files.write(workdir / "comparison.json", content, tables, grid)
  return tables


def _score(name, plan, config, workdir, lpips):
  """Scores a run or an untrained method, and writes what it completes.

  Yields the kind and the report for each kind of mask.
  """
  # Loaded here, so that only one network is in memory.
  subject = plan.untrained.get(name) or subjects.from_checkpoint(
    workdir / name, backend="jax"
  )
  for loader in plan.loaders:
    masks = loader.mask_set
    paths = [
      _completed_path(workdir, masks.kind, name, case, plan.values)
      for case in plan.work
    ]
    for folder in {path.parent for path in paths}:
      files.make_folder(folder)
    scorer = scoring.Scorer(loader, config.batch_size, lpips)
    completed = terminal.progress(
      scorer.complete(subject, plan.work),
      total=len(plan.work),
      name=f"{name}, {masks.kind}",
    )
    built = report.build(
      scorer.score(_write_all(completed, paths)),
      version=gatedinpaint_jax.__version__,
      description=subject.description,
      images=config.images,
      masks={"name": masks.kind, "seed": masks.seed},
      size=loader.size,
      values=plan.values,
    )
    place = workdir / compare_config.COMPLETED / masks.kind
    files.write(place / f"{name}.json", report_files.to_json(built))
    yield masks.kind, built


def _write_all(completed, paths):
  """Writes pictures while passing them on."""
  for entry in completed:
    path, image = paths[entry.case.index], entry.completed
    is_png = path.suffix == ".png"
    files.write(path, (pictures.to_png if is_png else pictures.to_npy)(image))
    yield entry


def _row(loader, case, plan, config, workdir) -> pictures.Shown:
  loaded = loader.load(case)
  kind = loader.mask_set.kind
  completed = {
    name: loader.read(_completed_path(workdir, kind, run, case, plan.values))[0]
    for name, run in plan.shown.items()
  }
  label = f"{kind}, {loaded.hole.mean():.0%}: {case.name}"
  channels = config.training.data.get("shown_channels", ())
  return pictures.show(label, loaded, completed, plan.values, channels)


def _study_pictures(plan, config, workdir) -> dict[str, dict[str, np.ndarray]]:
  """Returns {method or original: {case: pixels}} for the page of the study.

  Each picture has one kind of mask: the first six the first kind, which has
  every bin of hole fractions once, the next six the second, and so on.
  """
  found = {name: {} for name in (pictures.ORIGINAL, *plan.shown)}
  for i, case in enumerate(plan.work[: config.study_pictures]):
    loader = plan.loaders[i // len(frozen_masks.BINS) % len(plan.loaders)]
    row = _row(loader, case, plan, config, workdir)
    shown = {pictures.ORIGINAL: row.original, **row.completed}
    for name, image in shown.items():
      found[name][f"{loader.mask_set.kind}/{case.name}"] = image
  return found


if __name__ == "__main__":
  command_line.run(main)
