r"""Scores what fills holes: checkpoints, methods, or any program's results.

  python -m gatedinpaint_jax.evaluate --checkpoint DIR --images DIR \
      --output report.json
  python -m gatedinpaint_jax.evaluate --method opencv_telea --images DIR \
      --output report.json
  python -m gatedinpaint_jax.evaluate --completed DIR --images DIR \
      --masks DIR --output report.json

Writes report.json with all numbers, report.md with tables, and report.png with
the best, median and worst results. Masks are drawn from a seed, the same on
every machine and for every batch size, and named by a digest; or they are
files. --write_masks writes them for other programs, and needs nothing to score.

--checkpoint, --method and --completed may be given several times, and mixed.
All then fill the same holes and stand in one report. Each is compared with the
first in every picture, and report.png has what all made of the first's best,
median and worst.

--images, --masks and --completed take a file, a folder or a pattern in quotes;
files pair up by their names without suffix, all of them. Devices share the
pictures of a batch. Exit codes: 0 done, 2 a mistake in the flags or in a file.
"""

import numpy as np

import gatedinpaint_jax
from gatedinpaint_jax import command_line, errors, evaluate_flags, files
from gatedinpaint_jax.evaluation import (
  cases,
  contact_sheet,
  evaluator,
  output_files,
  report,
  side_by_side,
  subjects,
)
from gatedinpaint_jax.inference import spread
from gatedinpaint_jax.metrics import inception, perceptual


def main(argv) -> int:
  """Evaluates what the arguments name and returns the exit code."""
  options, given = evaluate_flags.parse(argv, doc=__doc__)
  if options.checkpoint:
    spread.use_cores(options.batch_size)
  output = None
  if given:
    errors.check_installed("dm_pix", extra="evaluate")
    output = output_files.check_report(options.output)
  loader = evaluate_flags.make_loader(options)
  masks = None if loader.mask_set else [options.masks]
  work = cases.find([options.images], masks)
  requests = subjects.find(given, work)
  every = [case for r in requests for case in r.work] or work
  output_files.check_apart(
    every,
    read={
      "--images": [options.images],
      "--masks": masks or [],
      "--completed": options.completed,
    },
    report=output,
    masks=options.write_masks,
  )
  for case in every:
    shape = loader.shape(case)
    if case.completed:
      cases.check_completed(case, shape)
  if options.write_masks:
    _write_masks(work, loader, options.write_masks)
  if requests:
    _evaluate(requests, output, _make_evaluator(options, loader, requests))
  return 0


def _write_masks(work, loader, folder) -> None:
  """Writes the masks of all cases, named like their pictures."""
  paths = [output_files.of_mask(folder, case) for case in work]
  with errors.prefixed("--write_masks="):
    for parent in {path.parent for path in paths}:
      files.make_folder(parent)
  for case, path in zip(work, paths, strict=True):
    hole = loader.hole(case, loader.shape(case))
    pixels = np.where(hole, np.uint8(255), np.uint8(0))
    files.write(path, output_files.to_png(pixels))
  print(f"{folder}: {len(work)} masks")


def _make_evaluator(options, loader, requests) -> evaluator.Evaluator:
  """Returns the evaluator, with the networks of what else is to be scored."""
  features, weights, scores = None, None, {}
  if options.fid_weights:
    features = inception.load(options.fid_weights)
    weights = inception.digest(options.fid_weights)
    if len(requests[0].work) < 2:
      raise errors.UserError("--fid_weights: the FID needs two pictures")
  if options.lpips:
    scores["lpips"] = perceptual.load()
  masks = {"name": options.masks}
  if loader.mask_set:
    masks = {"name": loader.mask_set.kind, "seed": loader.mask_set.seed}
  return evaluator.Evaluator(
    loader=loader,
    batch_size=options.batch_size,
    about={
      "version": gatedinpaint_jax.__version__,
      "images": options.images,
      "masks": masks,
      "fid_weights": weights,
    },
    scores=scores,
    features=features,
    names_bars=len(requests) > 1,
  )


def _evaluate(requests, output, scorer) -> None:
  """Evaluates and writes the report with what lies beside it."""
  reports, shown, labels = {}, {}, None
  for request in requests:
    # Bound to no name here: one network at a time is in memory.
    reports[request.name], labels, shown[request.name] = scorer.evaluate(
      request, labels=labels
    )
  _write(output, reports, labels, shown)


def _write(output, reports, labels, shown) -> None:
  """Writes and prints what was found; of one subject a report of its own."""
  if len(reports) == 1:
    (content,), (own,) = reports.values(), shown.values()
    tables = report.to_markdown(content)
    sheet = contact_sheet.encode(
      [
        (label, (own[i].loaded.image, own[i].image, own[i].loaded.hole))
        for i, label in labels.items()
      ]
    )
  else:
    content = side_by_side.build(reports)
    tables = side_by_side.to_markdown(content)
    sheet = side_by_side.draw(labels, shown)
  contents = (
    sheet,
    # Names of files need not be Unicode.
    tables.encode(errors="backslashreplace"),
    report.to_json(content),
  )
  for file, written in zip(
    output_files.of_report(output), contents, strict=True
  ):
    files.write(file, written)
  print(tables)
  print(f"{output}: with {output.stem}.md and {output.stem}.png beside it")


if __name__ == "__main__":
  command_line.run(main)
