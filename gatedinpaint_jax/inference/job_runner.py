"""Fills the pictures of many jobs, without stopping at failures.

Jobs are read, computed and written batch by batch. An error in a file becomes
the outcome of its job.
"""

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from gatedinpaint_jax import errors
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import hole_files, photo_files
from gatedinpaint_jax.inference import jobs, memory, photo_writer

# A larger hole suggests an inverted mask.
SUSPICIOUS_FRACTION = 0.5


class Options(NamedTuple):
  """How files are read and computed; see the flags of `inpaint`."""

  invert_mask: bool = False
  dilate_mask: int = 0
  resize_mask: bool = False
  invert_sketch: bool = False
  no_data: float | None = None
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
  # Several names, if the parts of a picture differ.
  backend: str | None = None
  large: str | None = None  # how it was filled; see `large_pictures.Plan`
  large_reason: str | None = None  # why so


class _Loaded(NamedTuple):
  """A job in memory."""

  job: jobs.Job
  photo: photo_files.Photo
  inpainter: Any
  values: values_lib.Values  # of the image
  image: np.ndarray  # `[H, W, C]`, for the inpainter
  hole: np.ndarray  # `[H, W] bool`, to fill
  lines: np.ndarray | None


def run(
  work: Sequence[jobs.Job], inpainter, options: Options
) -> Iterator[Outcome]:
  """Runs the jobs on an `Inpainter` and yields each outcome.

  With a batch size above 1, pictures of one size are computed together, so the
  order may change.
  """
  for batch, capacity in _batches(work, inpainter, options):
    yield from _run_batch(batch, capacity, inpainter, options)


def _batches(work, inpainter, options):
  """Yields (jobs, pictures per batch of their size)."""
  if options.batch_size == 1:
    yield from (([job], 1) for job in work)
    return
  by_size = {}
  for job in work:
    size = None  # of a picture that cannot be read
    with contextlib.suppress(errors.UserError):
      size = photo_files.read_size(job.image)
    by_size.setdefault(size, []).append(job)
  for size, same_size in by_size.items():
    capacity = 1
    if size is not None and inpainter.takes_batches(*size):
      capacity = min(options.batch_size, len(same_size))
    for start in range(0, len(same_size), capacity):
      yield same_size[start : start + capacity], capacity


def _run_batch(batch, capacity, inpainter, options) -> list[Outcome]:
  started = time.perf_counter()
  loaded, outcomes = [], []
  for job in batch:
    try:
      loaded.append(_load(job, inpainter, options))
    except errors.UserError as error:
      outcomes.append(Outcome(job, reason=str(error)))
    except MemoryError:
      outcomes.append(Outcome(job, reason=f"{job.image}: too large for memory"))
  outcomes += [_save(entry, None) for entry in loaded if not entry.hole.any()]
  holed = [entry for entry in loaded if entry.hole.any()]
  predictions = _predict(holed, capacity)
  for entry, prediction in zip(holed, predictions, strict=True):
    outcome = _save(entry, prediction)
    if outcome.reason is None:
      outcome = outcome._replace(**_how(entry))
    outcomes.append(outcome)
  seconds = (time.perf_counter() - started) / len(batch)
  return [outcome._replace(seconds=seconds) for outcome in outcomes]


def _load(job, inpainter, options) -> _Loaded:
  """Reads the files of a job and checks that its result can be written."""
  if job.problem:
    raise errors.UserError(f"{job.image}: {job.problem}")
  photo = photo_files.read(job.image)
  photo_writer.check_writable(job.output, photo)
  size = photo.pixels.shape[:2]
  if options.no_data is not None:
    photo = photo._replace(no_data=options.no_data)
  with errors.prefixed(f"{job.image}: "):
    if inpainter.values is None:
      inpainter = inpainter.with_values(photo.own_values)
    values, image = _select(photo, inpainter.values, options.no_data)
  if job.mask is None:
    if image.dtype.kind != "f" and values.no_data is None:
      raise errors.UserError(
        f"{job.image}: no value of it stands for a missing one; name one "
        "(`no_data`) or a `mask`"
      )
    hole = values.is_missing(image)
  else:
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
  inpainter = inpainter.with_values(values)
  return _Loaded(job, photo, inpainter, values, image, hole, lines)


def _select(photo, values, no_data) -> tuple[values_lib.Values, np.ndarray]:
  """Returns the values of a photo and what an inpainter is to see of it."""
  values = photo.values(values)
  if no_data is not None:
    values = dataclasses.replace(values, no_data=no_data)
  if values.are_levels:
    return values, photo.levels(values.channels)
  image = photo.select(values.channels)
  values.bounds(image.dtype)  # refuses types whose range nobody knows
  return values, image


def _predict(loaded, capacity):
  """Returns `[H, W, C] float32 in [-1, 1]` or the error of each picture.

  A batch that does not fit in memory, or whose values differ in type or in what
  is missing, is computed one picture at a time.
  """
  if not loaded:
    return []
  try:
    if len({(entry.image.dtype, entry.values) for entry in loaded}) == 1:
      return _predict_batch(loaded, capacity)
  except (errors.UserError, jax.errors.JaxRuntimeError, MemoryError) as error:
    if len(loaded) == 1:
      return [error]
  singly = (_predict([entry], 1) for entry in loaded)
  return [prediction for (prediction,) in singly]


def _predict_batch(loaded, capacity):
  # Repeat the last one: another batch size would compile another program.
  entries = loaded + [loaded[-1]] * (capacity - len(loaded))
  lines = None
  if loaded[0].lines is not None:
    lines = np.stack([entry.lines for entry in entries])
  result = loaded[0].inpainter(
    np.stack([entry.image for entry in entries]),
    np.stack([entry.hole for entry in entries]),
    lines,
    return_details=True,
  )
  return list(result.refined[: len(loaded)])


def _how(entry) -> dict[str, str | None]:
  """Returns what tells in an outcome how a picture was filled."""
  plan = entry.inpainter.plan(entry.hole)
  names = {entry.inpainter.backend_for(*part.size) for part in plan.parts}
  return {
    "backend": " and ".join(sorted(names - {None})) or None,
    "large": plan.name,
    "large_reason": plan.reason,
  }


def _save(entry, prediction) -> Outcome:
  """Writes a completed picture, unchanged if `prediction` is None."""
  job, photo, hole = entry.job, entry.photo, entry.hole
  outcome = Outcome(
    job, size=photo.pixels.shape[:2], hole_fraction=float(hole.mean())
  )
  if isinstance(prediction, Exception):
    reason = f"{job.image}: {prediction}"
    if isinstance(prediction, memory.TooLargeError):
      other = "detail" if entry.inpainter.has_attention else "crop"
      reason += f"; choose `large`={other} or make the picture smaller"
    return outcome._replace(reason=reason)
  try:
    if prediction is not None:
      photo = photo_writer.composite(photo, prediction, hole, entry.values)
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
    what = f"{job.mask} is empty" if job.mask else f"{job.image} lacks nothing"
    yield f"{what}: picture unchanged"
  elif hole.all():
    what = job.mask or "what is missing"
    yield f"{what} covers the entire picture: nothing was known"
  elif job.mask and fraction > SUSPICIOUS_FRACTION:
    yield f"{job.mask} is {fraction:.0%} hole: was `invert_mask` meant?"
  if photo.has_alpha and hole.any() and not photo.alpha[hole].any():
    yield f"{job.image} is transparent in the hole: what fills it is invisible"
