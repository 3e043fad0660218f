r"""Scores checkpoints, methods without training, or any program's results.

  python -m gatedinpaint_jax.evaluate --checkpoint DIR --images DIR \
      --output report.json
  python -m gatedinpaint_jax.evaluate --method opencv_telea --images DIR \
      --output report.json
  python -m gatedinpaint_jax.evaluate --completed DIR --images DIR \
      --masks DIR --output report.json

Writes report.json with all numbers, report.md with tables, and report.png with
the best, median and worst results. Masks are files, or drawn from a seed, the
same on every machine and for every batch size, and identified by a digest.
--write_masks writes them for other programs, and can be used without a subject.

--checkpoint, --method and --completed may be given several times, and mixed.
All then fill the same holes and appear in one report. Each is compared with the
first, picture by picture, and report.png shows the first's best, median and
worst pictures as completed by each.

Checkpoints say what their pictures are. Of data that is not photographs,
--channels, --value_range and --no_data say it to methods and completed pictures
alone. Reports then have errors in the units of the data, too.

--images, --masks and --completed take a file, a folder or a quoted pattern; all
files must pair up by their names without suffix. Devices share the pictures of
a batch. Exit codes: 0 done, 2 a mistake in the flags or in a file.
"""

import os

import numpy as np

import gatedinpaint_jax
from gatedinpaint_jax import (
  command_line,
  errors,
  evaluate_flags,
  files,
  terminal,
)
from gatedinpaint_jax.data import photo_files
from gatedinpaint_jax.evaluation import (
  cases,
  comparison,
  pictures,
  report,
  report_files,
  scoring,
  subjects,
)
from gatedinpaint_jax.inference import job_runner, jobs, memory, spread
from gatedinpaint_jax.metrics import fid, perceptual

# Longer sides are scaled down to this in the pictures of the report.
_MAX_SHOWN_SIDE = 256


def main(argv) -> int:
  """Evaluates the subjects that the arguments name; returns the exit code."""
  options, given = evaluate_flags.parse(argv, doc=__doc__)
  if options.checkpoint:
    spread.use_cores(options.batch_size)
  output = None
  if given:
    errors.check_installed("dm_pix", extra="evaluate")
    with errors.prefixed("--output="):
      output = report_files.check_output(options.output)
  loader = evaluate_flags.make_loader(options)
  places = [cases.Place("--images", options.images)]
  if not loader.mask_set:
    places.append(cases.Place("--masks", options.masks))
  work = cases.find(*places)
  places += [cases.Place("--completed", path) for path in options.completed]
  requests = evaluate_flags.find_subjects(given, work)
  loader = loader._replace(values=evaluate_flags.find_values(options, requests))
  all_cases = [case for r in requests for case in r.work] or work
  mask_files = []
  if options.write_masks:
    folder = files.expand(options.write_masks)
    mask_files = [folder / f"{case.name}.png" for case in work]
  _check_apart(options, all_cases, places, output, mask_files)
  with evaluate_flags.named(options):
    for case in all_cases:
      shape = loader.shape(case)
      if case.completed:
        cases.check_completed(case, shape)
        loader.check(case.completed)
      if requests:
        loader.check(case.image)
  _print_notes(places, work)
  _check_free(options, output, mask_files)
  if options.write_masks:
    _write_masks(work, loader, mask_files)
    print(f"{options.write_masks}: {len(work)} masks")
  if requests:
    with evaluate_flags.named(options):
      _evaluate(options, loader, requests, output)
  return 0


def _print_notes(places, work) -> None:
  notes = jobs.passed_over([place.given for place in places])
  for case in work:
    found = photo_files.read_outline(case.image).notes
    notes += [f"{case.image}: {note}" for note in found]
  for note in notes:
    print(f"note: {errors.printable(note)}")


def _check_apart(options, work, places, output, mask_files) -> None:
  """Raises UserError if this or the next run would read what it writes."""
  written = {f"--write_masks={options.write_masks}": mask_files}
  if output is not None:
    written[f"--output={output}"] = report_files.paths(output)
  used = {
    os.path.realpath(file)
    for case in work
    for file in (case.image, case.mask, case.completed)
    if file
  }
  for flag, paths in written.items():
    for file in paths:
      if os.path.realpath(file) in used:
        raise errors.UserError(
          f"{flag}: {file} is a picture of this run; name another place"
        )
    cases.check_not_read(flag, paths, places)


def _check_free(options, output, mask_files) -> None:
  """Raises UserError if files would be replaced that are not ours."""
  if output:
    with errors.prefixed("--output="):
      report_files.check_free(
        output, overwrite=options.overwrite, with_sheet=True
      )
  with errors.prefixed("--write_masks: "):
    for file in mask_files:
      files.check_free(file, overwrite=options.overwrite)


def _write_masks(work, loader, paths) -> None:
  with errors.prefixed("--write_masks: "):
    for folder in {path.parent for path in paths}:
      files.make_folder(folder)
  for case, path in zip(work, paths, strict=True):
    hole = loader.hole(case, loader.shape(case))
    files.write(path, pictures.to_png(hole * np.uint8(255)))


def _evaluate(options, loader, requests, output) -> None:
  scorer = _make_scorer(options, loader, requests)
  masks = {"name": options.masks}
  if loader.mask_set:
    masks = {"name": loader.mask_set.kind, "seed": loader.mask_set.seed}
  about = {
    "version": gatedinpaint_jax.__version__,
    "images": options.images,
    "masks": masks,
    "size": loader.size,
    "values": loader.values,
    "fid_weights": options.fid_weights and fid.digest(options.fid_weights),
  }
  reports, shown, labels = {}, {}, None
  for request in requests:
    try:
      reports[request.name], labels, shown[request.name] = _evaluate_one(
        request, scorer, about, labels, backend=options.backend
      )
    except memory.TooLargeError as error:
      smaller = "--batch_size or --size" if options.batch_size > 1 else "--size"
      raise errors.UserError(f"{error}; name a smaller {smaller}") from error
  content = comparison.build(reports)
  tables = comparison.to_markdown(content)
  report_files.write(
    output, content, tables, _draw(labels, shown, loader.values)
  )
  print(tables)
  print(f"{output}: with {output.stem}.md and {output.stem}.png")


def _make_scorer(options, loader, requests) -> scoring.Scorer:
  features = None
  if options.fid_weights:
    errors.check_installed("torch", extra="torch")
    with errors.prefixed("--fid_weights="):
      features = fid.load(options.fid_weights)
    if len(requests[0].work) < 2:
      raise errors.UserError("--fid_weights: the FID needs two pictures")
  lpips = perceptual.load() if options.lpips else None
  return scoring.Scorer(loader, options.batch_size, lpips, features)


def _evaluate_one(request, scorer, about, labels, *, backend):
  """Evaluates one subject, which is dropped from memory on return.

  Returns:
    Its report; {index: label} of the pictures to show, by default its own best,
    median and worst; and {index: `cases.Loaded`} of these.
  """
  subject = subjects.load(request, loader=scorer.loader, backend=backend)
  completed = scorer.complete(subject, request.work)
  result = scorer.score(
    terminal.progress(completed, total=len(request.work), name=request.name)
  )
  if labels is None:
    labels = pictures.choose(result.rows)
    if "name" in about["masks"]:
      _note_large_holes(result.rows)
  again = scorer.complete(subject, request.work, only=labels)
  shown = {entry.case.index: entry for entry in again}
  built = report.build(result, description=subject.description, **about)
  return built, labels, shown


def _note_large_holes(rows) -> None:
  names = [
    row.name
    for row in rows
    if row.hole_fraction > job_runner.SUSPICIOUS_FRACTION
  ]
  if names:
    print(
      f"note: {len(names)} masks are more hole than picture, such as that of "
      f"{errors.printable(names[0])}; white is hole"
    )


def _draw(labels, shown, values) -> bytes:
  """Returns a PNG of the chosen pictures as completed by each subject."""
  first = next(iter(shown.values()))
  rows = [
    pictures.show(
      label,
      first[i],
      {name: completed[i].completed for name, completed in shown.items()},
      values,
    )
    for i, label in labels.items()
  ]
  return pictures.to_png(pictures.draw_grid(rows, max_side=_MAX_SHOWN_SIDE))


if __name__ == "__main__":
  command_line.run(main)
