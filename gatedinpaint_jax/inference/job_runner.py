"""Fills the pictures of many jobs, without stopping at failures.

Jobs are read, computed and written batch by batch. An error in a file becomes
the outcome of its job.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import numpy as np

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import hole_files, photo_files
from gatedinpaint_jax.inference import hole_windows, jobs, memory, photo_writer

# A larger hole suggests an inverted mask.
SUSPICIOUS_FRACTION = 0.5
# For a picture that does not fit in memory.
_ADVICE = (
  "; fill only the neighbourhood of the hole (`crop_to_hole`) or make the "
  "picture smaller"
)


class Options(NamedTuple):
  """How files are read and computed; see the flags of `inpaint`."""

  invert_mask: bool = False
  dilate_mask: int = 0
  resize_mask: bool = False
  invert_sketch: bool = False
  crop_to_hole: bool = False
  batch_size: int = 1


class Outcome(NamedTuple):
  """The outcome of a job."""

  job: jobs.Job
  reason: str | None = None  # why it failed, or None
  note: str | None = None  # a remark on a job that did not fail, or None
  # (height, width) of the picture, upright; None if it was not read.
  size: tuple[int, int] | None = None
  hole_fraction: float | None = None  # of its area, in [0, 1]
  # From reading to writing; an equal share of its batch's time.
  seconds: float | None = None
  # Both names, if the windows of a picture differ.
  backend: str | None = None


class _Loaded(NamedTuple):
  job: jobs.Job
  photo: photo_files.Photo
  hole: np.ndarray
  lines: np.ndarray | None


def run(
  work: Sequence[jobs.Job], inpainter, options: Options
) -> Iterator[Outcome]:
  """Runs the jobs on an `Inpainter` and yields each outcome.

  With a batch size above 1, pictures of one size are computed together, so the
  order may change.
  """
  for batch, capacity in _batches(work, options):
    yield from _run_batch(batch, capacity, inpainter, options)


def _batches(work, options):
  """Yields (jobs, pictures per batch of their size)."""
  if options.batch_size == 1 or options.crop_to_hole:
    yield from (([job], 1) for job in work)
    return
  by_size = {}
  for job in work:
    size = None  # of a picture that cannot be read
    with contextlib.suppress(errors.UserError):
      size = photo_files.read_size(job.image)
    by_size.setdefault(size, []).append(job)
  for same_size in by_size.values():
    capacity = min(options.batch_size, len(same_size))
    for start in range(0, len(same_size), capacity):
      yield same_size[start : start + capacity], capacity


def _run_batch(batch, capacity, inpainter, options) -> list[Outcome]:
  started = time.perf_counter()
  loaded, outcomes = [], []
  for job in batch:
    try:
      loaded.append(_load(job, options))
    except errors.UserError as error:
      outcomes.append(Outcome(job, reason=str(error)))
    except MemoryError:
      outcomes.append(Outcome(job, reason=f"{job.image}: too large for memory"))
  outcomes += [_save(entry, None) for entry in loaded if not entry.hole.any()]
  holed = [entry for entry in loaded if entry.hole.any()]
  predictions = _predict(holed, capacity, inpainter, options)
  for entry, prediction in zip(holed, predictions, strict=True):
    outcome = _save(entry, prediction)
    if outcome.reason is None:
      backend = _backend(entry, inpainter, options)
      outcome = outcome._replace(backend=backend)
    outcomes.append(outcome)
  seconds = (time.perf_counter() - started) / len(batch)
  return [outcome._replace(seconds=seconds) for outcome in outcomes]


def _load(job, options) -> _Loaded:
  """Reads the files of a job and checks that its result can be written."""
  if job.problem:
    raise errors.UserError(f"{job.image}: {job.problem}")
  photo = photo_files.read(job.image)
  photo_writer.check_writable(job.output, photo)
  size = photo.pixels.shape[:2]
  hole = hole_files.read_mask(
    job.mask,
    size,
    invert=options.invert_mask,
    dilate=options.dilate_mask,
    resize=options.resize_mask,
  )
  lines = None
  if job.sketch is not None:
    lines = hole_files.read_sketch(
      job.sketch, size, invert=options.invert_sketch
    )
  return _Loaded(job, photo, hole, lines)


def _predict(loaded, capacity, inpainter, options):
  """Returns `[H, W, 3] float32 in [-1, 1]` or the error of each picture.

  A batch that does not fit in memory is retried one picture at a time.
  """
  if not loaded:
    return []
  try:
    if options.crop_to_hole:
      return [_predict_windows(entry, inpainter) for entry in loaded]
    return _predict_batch(loaded, capacity, inpainter)
  except (errors.UserError, jax.errors.JaxRuntimeError, MemoryError) as error:
    if len(loaded) == 1:
      return [error]
  retried = (_predict([entry], 1, inpainter, options) for entry in loaded)
  return [prediction for (prediction,) in retried]


def _predict_batch(loaded, capacity, inpainter):
  # Repeat the last one: another batch size would compile another program.
  entries = loaded + [loaded[-1]] * (capacity - len(loaded))
  lines = None
  if loaded[0].lines is not None:
    lines = np.stack([entry.lines for entry in entries])
  result = inpainter(
    np.stack([entry.photo.colours for entry in entries]),
    np.stack([entry.hole for entry in entries]),
    lines,
    return_details=True,
  )
  return list(result.refined[: len(loaded)])


def _predict_windows(entry, inpainter):
  """Predicts only the neighbourhoods of the holes; 0 elsewhere."""
  colours = entry.photo.colours
  prediction = np.zeros(colours.shape, np.float32)
  for window in hole_windows.find(entry.hole):
    prediction[window] = inpainter(
      colours[window],
      entry.hole[window],
      None if entry.lines is None else entry.lines[window],
      return_details=True,
    ).refined
  return prediction


def _backend(entry, inpainter, options) -> str | None:
  sizes = [entry.hole.shape]
  if options.crop_to_hole:
    windows = hole_windows.find(entry.hole)
    sizes = [entry.hole[window].shape for window in windows]
  names = {inpainter.backend_for(*size) for size in sizes} - {None}
  return " and ".join(sorted(names)) or None


def _save(entry, prediction) -> Outcome:
  """Writes a completed picture, unchanged if `prediction` is None."""
  job, photo, hole, _ = entry
  outcome = Outcome(
    job, size=photo.pixels.shape[:2], hole_fraction=float(hole.mean())
  )
  if isinstance(prediction, Exception):
    is_too_large = isinstance(prediction, memory.TooLargeError)
    reason = f"{job.image}: {prediction}{_ADVICE if is_too_large else ''}"
    return outcome._replace(reason=reason)
  try:
    if prediction is not None:
      photo = photo_writer.composite(photo, prediction, hole)
    photo_writer.write(job.output, photo)
  except errors.UserError as error:
    return outcome._replace(reason=str(error))
  notes = [f"{job.image}: {note}" for note in photo.notes]
  for path in filter(None, (job.mask, job.sketch)):
    found = photo_files.read_outline(path).notes
    notes += [f"{path}: {note}" for note in found]
  notes += _notes_on_hole(job, photo, hole, outcome.hole_fraction)
  return outcome._replace(note="; ".join(notes) or None)


def _notes_on_hole(job, photo, hole, fraction) -> Iterator[str]:
  if not hole.any():
    yield f"{job.mask} is empty: picture unchanged"
  elif hole.all():
    yield f"{job.mask} covers the entire picture: nothing was known"
  elif fraction > SUSPICIOUS_FRACTION:
    yield f"{job.mask} is {fraction:.0%} hole: was `invert_mask` meant?"
  if photo.has_alpha and hole.any() and not photo.alpha[hole].any():
    yield f"{job.image} is transparent in the hole: what fills it is invisible"
