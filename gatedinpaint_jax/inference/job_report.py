"""The report of many jobs: a line of JSON for each, appended to a file."""

import json
import os
from collections.abc import Sequence
from typing import TextIO

from gatedinpaint_jax import errors, files
from gatedinpaint_jax.inference import job_runner, jobs


def check(path: str | None, work: Sequence[jobs.Job]) -> None:
  """Raises UserError if the report cannot be written or is a picture."""
  if not path:
    return
  report = files.expand(path)
  if not os.path.isdir(os.path.dirname(os.path.realpath(report))):
    raise errors.UserError(
      f"`report`={path}: cannot be written (no such folder)"
    )
  for job in work:
    for used in (job.image, job.mask, job.sketch, job.output):
      if used and files.identity(used) == files.identity(report):
        raise errors.UserError(
          f"`report`={path}: is a picture of this run; name another file"
        )


def append_to(path: str | None) -> TextIO:
  """Opens the report to append to it, or the null device without one."""
  # Opening a pipe that nobody reads would wait forever.
  opener = lambda name, flags: os.open(name, flags | os.O_NONBLOCK, 0o666)
  try:
    report = open(
      files.expand(path or os.devnull), "a", encoding="utf-8", opener=opener
    )
  except OSError as error:
    raise errors.UserError(
      f"`report`={path}: cannot be written ({error.strerror})"
    ) from error
  os.set_blocking(report.fileno(), True)
  return report


def line(
  outcome: job_runner.Outcome, *, checkpoint: str | None, method: str | None
) -> str:
  """Returns the line of an outcome, by a checkpoint or a method."""
  job = outcome.job
  height, width = outcome.size or (None, None)
  content = {
    "image": str(job.image),
    "mask": job.mask and str(job.mask),
    "output": str(job.output),
    "status": "failed" if outcome.reason else "done",
    "reason": outcome.reason or outcome.note,
    "height": height,
    "width": width,
    "hole_fraction": outcome.hole_fraction,
    "seconds": round(outcome.seconds, 3),
    "backend": outcome.backend,
    "large": outcome.large,
    "large_reason": outcome.large_reason,
    "checkpoint": checkpoint,
    "method": method,
  }
  return json.dumps(content) + "\n"
