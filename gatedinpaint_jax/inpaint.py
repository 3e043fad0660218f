r"""Fills the holes of pictures.

  python -m gatedinpaint_jax.inpaint --image photo.jpg --mask mask.png \
      --output out.png --checkpoint DIR

--method instead of --checkpoint fills without a model.

--image, --mask and --sketch take a file, a folder or a quoted pattern, and may
be given several times. Files pair up by their stems: photos/a/1.jpg with
masks/a/1.png, or by what the star matches in '*_photo.jpg' and '*_mask.png'. A
single mask may serve all pictures. For several pictures --output is a folder;
existing results are skipped, so that an interrupted run can be resumed.

Without --mask, missing values are filled: what --no_data says, and in npy and
tiff also NaN, or what the file or the checkpoint says.

Known pixels are unchanged, as are bit depth, transparency, Exif data and colour
profile. Exit codes: 0 all done, 1 some pictures failed (listed at the end, with
reasons), 2 a mistake in the flags or in the only picture.
"""

import contextlib
import os
import sys
from collections.abc import Iterator

from gatedinpaint_jax import command_line, errors, files, terminal
from gatedinpaint_jax.data import photo_files
from gatedinpaint_jax.evaluation import methods
from gatedinpaint_jax.inference import (
  backends,
  inpainter,
  job_report,
  job_runner,
  jobs,
  large_pictures,
  openvino_backend,
  spread,
)
from gatedinpaint_jax.training import checkpoint_reader

_FORMATS = ("png", "jpg", "webp", "tiff", "npy", "same")
_SOME_FAILED = 1
# Formats in which values may be missing: NaN, or what the file says.
_MAY_LACK = {".npy", ".tif", ".tiff"}


def main(argv) -> int:
  """Fills the pictures that the arguments name and returns the exit code."""
  options = command_line.parse(
    _define_flags(), argv, doc=__doc__, required=("image", "output")
  )
  _check_one_model(options)
  work = jobs.find(
    options.image,
    options.mask,
    options.sketch,
    options.output,
    suffix=None if options.format == "same" else f".{options.format}",
  )
  for line in jobs.passed_over(options.image + options.mask + options.sketch):
    print(f"note: {line}")
  _check_masks(options, work)
  job_report.check(options.report, work)
  remaining = [
    job
    for job in work
    if options.overwrite or job.problem or not os.path.isfile(job.output)
  ]
  if len(remaining) < len(work):
    print(
      f"{len(work) - len(remaining)} of {len(work)} results exist; "
      "--overwrite replaces them"
    )
  if not remaining:
    return 0
  model = _load_inpainter(options, remaining)
  _make_folders(options.output, remaining)
  outcomes = []
  with job_report.append_to(options.report) as report:
    try:
      for outcome in _run(remaining, model, options, report):
        outcomes.append(outcome)
    except KeyboardInterrupt:
      _print_all(outcomes)
      raise
  # The last picture of a resumed batch is still part of a batch.
  return _print_only(*outcomes) if len(work) == 1 else _print_all(outcomes)


def _define_flags() -> command_line.Flags:
  flag = command_line.Flags()
  flag.several("image", "Pictures: a file, a folder or a 'pattern'.")
  flag.several(
    "mask",
    "Masks: likewise; 128 and above is hole. A single file serves all.",
  )
  flag.several("sketch", "Sketches: likewise; above 153 is line.")
  flag.text("output", "Result file, or folder for several results.")
  flag.text("checkpoint", "A workdir, its checkpoints/ or one step.")
  flag.choice("method", None, methods.NAMES, "Used instead of a checkpoint.")
  flag.number("no_data", "A value that stands for a missing one.")
  flag.switch("invert_mask", "Below 128 is hole.")
  flag.integer("dilate_mask", 0, "Pixels by which holes grow.", lower_bound=0)
  flag.switch("resize_mask", "Scale masks of another size.")
  flag.switch("invert_sketch", "Lines are black on white.")
  flag.switch("overwrite", "Replace existing results.")
  flag.choice(
    "format",
    "png",
    _FORMATS,
    "Format of results in a folder, or the same as of each picture; jpg is "
    "lossy.",
  )
  flag.integer(
    "batch_size",
    None,
    "Pictures of one size computed at once; by default one per device.",
    lower_bound=1,
  )
  flag.choice(
    "large",
    "auto",
    large_pictures.CHOICES,
    "Large pictures: exact computes all of it, crop the neighbourhood of each "
    "hole, detail a reduced picture with detail copied at full size; auto is "
    "exact up to 1024 x 1024 pixels, then crop or detail, as the holes fit.",
  )
  flag.switch("crop_to_hole", "The same as --large=crop.")
  flag.integer(
    "bucket",
    8,
    "Pad sides to multiples of this multiple of 8: fewer sizes to compile, but "
    "slightly different results.",
    lower_bound=8,
  )
  flag.choice(
    "backend",
    "auto",
    backends.NAMES,
    "jax, or openvino on CPUs; auto chooses openvino if it is installed, there "
    "is no accelerator and the picture has at most 512 x 512 pixels.",
  )
  flag.text("report", "A file to append a line of JSON per picture to.")
  return flag


def _make_folders(output, work) -> None:
  first = work[0].output
  if files.expand(output) == first and not first.parent.is_dir():
    raise errors.UserError(
      f"--output={output}: no folder {first.parent}; create it first"
    )
  with errors.prefixed(f"--output={output}: "):
    for folder in {job.output.parent for job in work}:
      files.make_folder(folder)
      files.remove_parts(folder)


def _check_one_model(options) -> None:
  if not options.checkpoint and not options.method:
    raise errors.UserError(
      "--checkpoint is missing: a workdir, its checkpoints/ or one step of it, "
      "or use --method instead"
    )
  large_pictures.check_choice(_large(options), has_attention=not options.method)
  for name in ("checkpoint", "sketch", "backend", "bucket"):
    if options.method and options[name].present:
      raise errors.UserError(
        f"--{name}: cannot be combined with --method={options.method}; leave "
        "one out"
      )


def _load_inpainter(options, work):
  large = _large(options)
  if options.method:
    return methods.MethodInpainter(methods.load(options.method), large=large)
  if options.bucket % 8:
    raise errors.UserError(
      f"--bucket={options.bucket}: must be a multiple of 8"
    )
  uses_jax = options.backend == "jax" or (
    options.backend == "auto" and not openvino_backend.is_installed()
  )
  if uses_jax and not _has_large(work, large):
    spread.use_cores(options.batch_size or len(work))
  with errors.prefixed("--checkpoint: "):
    checkpoint_reader.find(options.checkpoint)
  loaded = inpainter.Inpainter.from_checkpoint(
    options.checkpoint,
    bucket=options.bucket,
    backend=options.backend,
    large=large,
  )
  if options.sketch and not loaded.guided:
    raise errors.UserError(
      f"--sketch: {options.checkpoint} is not guided and takes no sketch; leave"
      " it out or name a guided checkpoint"
    )
  return loaded


def _large(options) -> str:
  if not options.crop_to_hole:
    return options.large
  if options["large"].present and options.large != "crop":
    raise errors.UserError(
      f"--crop_to_hole: means --large=crop; leave out --large={options.large}"
    )
  return "crop"


def _has_large(work, large) -> bool:
  """Returns whether some pictures are computed one by one, on all cores."""
  if large == "exact":
    return False
  for job in work:
    with contextlib.suppress(errors.UserError):  # which its outcome tells
      size = photo_files.read_size(job.image)
      if not large_pictures.is_exact(size, large):
        return True
  return False


def _run(work, model, options, report) -> Iterator[job_runner.Outcome]:
  given = {name: options[name].value for name in job_runner.Options._fields}
  if given["batch_size"] is None:
    given["batch_size"] = 1 if options.method else model.devices
  for outcome in terminal.progress(
    job_runner.run(work, model, job_runner.Options(**given)),
    total=len(work),
    is_shown=len(work) > 1,
  ):
    texts = {
      name: text and errors.printable(command_line.with_flags(text))
      for name, text in outcome._asdict().items()
      if name in ("reason", "note", "large_reason")
    }
    outcome = outcome._replace(**texts)
    report.write(
      job_report.line(
        outcome, checkpoint=options.checkpoint, method=options.method
      )
    )
    report.flush()
    yield outcome


def _check_masks(options, work) -> None:
  """Raises UserError if nothing says what is to be filled."""
  kinds = {job.image.suffix.lower() for job in work}
  if not (options.mask or options.no_data is not None or kinds & _MAY_LACK):
    raise errors.UserError(
      "--mask is missing: what to fill, unless --no_data names missing values"
    )


def _print_only(outcome) -> int:
  """Prints the outcome of the only picture and returns the exit code."""
  if outcome.reason:
    raise errors.UserError(outcome.reason)
  if outcome.note:
    print(f"note: {outcome.note}")
  height, width = outcome.size
  output = errors.printable(str(outcome.job.output))
  how = f" by {outcome.large}" if outcome.large_reason else ""
  why = f" ({outcome.large_reason})" if outcome.large_reason else ""
  print(
    f"{output}: {outcome.hole_fraction:.1%} of {width} x {height} "
    f"pixels filled{how} in {outcome.seconds:.1f} s{why}"
  )
  return 0


def _print_all(outcomes) -> int:
  for outcome in outcomes:
    if outcome.note:
      print(f"note: {outcome.note}")
  failed = [outcome for outcome in outcomes if outcome.reason]
  print(f"{len(outcomes) - len(failed)} pictures done, {len(failed)} failed")
  for outcome in failed:
    print(f"failed: {outcome.reason}", file=sys.stderr)
  return _SOME_FAILED if failed else 0


if __name__ == "__main__":
  command_line.run(main)
