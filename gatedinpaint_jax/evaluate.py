r"""Scores what fills holes: a checkpoint, a method, or any program's results.

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

--images, --masks and --completed take a file, a folder or a pattern in quotes;
files pair up by their names without suffix, all of them. Devices share the
pictures of a batch. Exit codes: 0 done, 2 a mistake in the flags or in a file.
"""

import re

import numpy as np
import tqdm
from absl import flags

import gatedinpaint_jax
from gatedinpaint_jax import command_line, errors
from gatedinpaint_jax.evaluation import (
  cases,
  contact_sheet,
  frozen_masks,
  methods,
  output_files,
  report,
  scoring,
  subjects,
)
from gatedinpaint_jax.inference import memory, photo_files, spread
from gatedinpaint_jax.metrics import inception, perceptual

_SUBJECTS = ("checkpoint", "method", "completed")
_SIZE = re.compile(r"(\d+)x(\d+)")


def main(argv) -> int:
  """Evaluates what the arguments name and returns the exit code."""
  options = command_line.parse(
    _define_flags(), argv, doc=__doc__, required=("images",)
  )
  _check_together(options)
  if options.checkpoint:
    spread.use_cores(options.batch_size)
  output = options.output and output_files.check_report(options.output)
  if output:
    errors.check_installed("dm_pix", extra="evaluate")
  loader = _make_loader(options)
  work = cases.find(
    [options.images],
    None if loader.mask_set else [options.masks],
    options.completed and [options.completed],
  )
  output_files.check_apart(
    work, images=options.images, report=output, masks=options.write_masks
  )
  for case in work:
    loader.shape(case)
  if options.write_masks:
    _write_masks(work, loader, options.write_masks)
  if output:
    try:
      _evaluate(work, loader, options, output)
    except memory.TooLargeError as error:
      smaller = "--batch_size or --size" if options.batch_size > 1 else "--size"
      raise errors.UserError(
        f"{error.need}; name a smaller {smaller}"
      ) from error
  return 0


def _define_flags() -> flags.FlagValues:
  values = flags.FlagValues()
  flag = command_line.definers(values)
  flag.text(
    "checkpoint", None, "A workdir, its checkpoints/ or one step of it."
  )
  flag.choice("method", None, methods.NAMES, "What fills without training.")
  flag.text("completed", None, "Results that a program made of --images.")
  flag.text("images", None, "Whole pictures: a file, a folder or a 'pattern'.")
  flag.text(
    "masks",
    None,
    "free_form (if you say nothing), rectangle, or mask files; a hole is 128 "
    "and above.",
  )
  flag.whole("mask_seed", 0, "Of drawn masks.", lower_bound=0)
  flag.text(
    "size", None, "HEIGHTxWIDTH to scale and crop pictures to, the middle."
  )
  flag.whole("batch_size", 1, "Pictures of one size at once.", lower_bound=1)
  flag.text(
    "output", None, "The report: a .json, which gets a .md and .png beside."
  )
  flag.text("write_masks", None, "A folder for the masks, as png.")
  flag.text("fid_weights", None, "inception-2015-12-05.pt, to compute the FID.")
  flag.switch("lpips", False, "Compute LPIPS.")
  return values


def _check_together(options) -> None:
  """Raises UserError if flags contradict each other or some are missing."""
  given = [f"--{name}" for name in _SUBJECTS if options[name].value]
  if len(given) > 1:
    raise errors.UserError(f"{' and '.join(given)}: name one of them")
  if given and not options.output:
    raise errors.UserError(f"--output is missing: {options['output'].help}")
  if not given and (options.output or not options.write_masks):
    raise errors.UserError(
      "nothing to evaluate: name a --checkpoint, a --method or --completed"
    )
  if options.completed and not options.masks:
    raise errors.UserError(
      "--masks is missing: name those that --completed was made with"
    )


def _make_loader(options) -> cases.Loader:
  masks = options.masks or frozen_masks.KINDS[0]
  mask_set = None
  if masks in frozen_masks.KINDS:
    mask_set = frozen_masks.MaskSet(masks, options.mask_seed)
  elif options["mask_seed"].present:
    raise errors.UserError(
      f"--mask_seed={options.mask_seed}: goes with drawn masks, not with "
      f"--masks={masks}; leave one out"
    )
  size = None
  if options.size:
    match = _SIZE.fullmatch(options.size)
    if not match:
      raise errors.UserError(
        f"--size={options.size}: must be HEIGHTxWIDTH, such as 256x256"
      )
    size = int(match[1]), int(match[2])
    if size[0] * size[1] > photo_files.MOST_PIXELS:
      raise errors.UserError(
        f"--size={options.size}: {photo_files.MOST_PIXELS} pixels in all are "
        "the most"
      )
  loader = cases.Loader(mask_set, size)
  if options.lpips:
    loader = loader._replace(least_side=perceptual.LEAST_SIDE)
  if size and min(size) < loader.least_side:
    raise errors.UserError(
      f"--size={options.size}: {loader.least_side} is the least side"
    )
  return loader


def _write_masks(work, loader, folder) -> None:
  """Writes the masks of all cases, named like their pictures."""
  for case in work:
    path = output_files.of_mask(folder, case)
    path.parent.mkdir(parents=True, exist_ok=True)
    hole = loader.hole(case, loader.shape(case))
    pixels = np.where(hole, np.uint8(255), np.uint8(0))
    report.write(path, output_files.to_png(pixels))
  print(f"{folder}: {len(work)} masks")


def _evaluate(work, loader, options, output) -> None:
  """Evaluates and writes the report with what lies beside it."""
  features, scores, weights = None, {}, None
  if options.fid_weights:
    features = inception.load(options.fid_weights)
    weights = inception.digest(options.fid_weights)
    if len(work) < 2:
      raise errors.UserError("--fid_weights: the FID needs two pictures")
  if options.lpips:
    scores["lpips"] = perceptual.load()
  subject = _load_subject(options)
  completed = scoring.complete(
    work, loader, subject, batch_size=options.batch_size
  )
  # None: not in a log file.
  with tqdm.tqdm(
    completed, total=len(work), unit="picture", disable=None
  ) as bar:
    result = scoring.score(iter(bar), scores=scores, features=features)
  masks = loader.mask_set
  content = report.build(
    result,
    version=gatedinpaint_jax.__version__,
    description=subject.description,
    images=options.images,
    masks={"name": masks.kind, "seed": masks.seed}
    if masks
    else {"name": options.masks},
    size=loader.size,
    fid_weights=weights,
  )
  tables = report.to_markdown(content)
  contents = (
    _draw_sheet(work, loader, subject, result.rows, options.batch_size),
    # Names of files need not be Unicode.
    tables.encode(errors="backslashreplace"),
    report.to_json(content),
  )
  for file, written in zip(
    output_files.of_report(output), contents, strict=True
  ):
    report.write(file, written)
  print(tables)
  print(f"{output}: with {output.stem}.md and {output.stem}.png beside it")


def _load_subject(options) -> subjects.Subject:
  if options.checkpoint:
    return subjects.of_checkpoint(options.checkpoint)
  if options.method:
    return subjects.of_method(options.method)
  return subjects.of_completed(options.completed)


def _draw_sheet(work, loader, subject, rows, batch_size) -> bytes:
  """Completes some pictures once more and returns the sheet's file."""
  chosen = contact_sheet.choose(rows)
  again = scoring.complete(
    work, loader, subject, batch_size=batch_size, only=chosen
  )
  panels = {
    loaded.case.index: (loaded.image, image, loaded.hole)
    for loaded, image in again
  }
  return contact_sheet.encode(
    [
      (contact_sheet.label(kind, rows[i]), panels[i])
      for i, kind in chosen.items()
    ]
  )


if __name__ == "__main__":
  command_line.run(main)
