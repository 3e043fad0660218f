"""The report of a run of `inpaint`: one line of JSON per picture."""

import json
import os
from collections.abc import Sequence
from typing import TextIO

from gatedinpaint_jax import errors
from gatedinpaint_jax.inference import job_runner, jobs


def check(path: str | None, work: Sequence[jobs.Job]) -> None:
  """Raises UserError if the report cannot be written or is a picture."""
  if not path:
    return
  report = os.path.realpath(os.path.expanduser(path))
  if not os.path.isdir(os.path.dirname(report)):
    raise errors.UserError(f"{path}: cannot be written (no such folder)")
  for job in work:
    for used in (job.image, job.mask, job.sketch, job.output):
      if used and os.path.realpath(used) == report:
        raise errors.UserError(
          f"{path}: is a picture of this run; name another file"
        )


def open_to_append(path: str | None) -> TextIO:
  """Opens the report, or the null device without one."""
  path = os.path.expanduser(path or os.devnull)
  try:
    return open(path, "a", encoding="utf-8")
  except OSError as error:
    raise errors.UserError(
      f"{path}: cannot be written ({error.strerror})"
    ) from error


def line(
  outcome: job_runner.Outcome, checkpoint: str | None, method: str | None
) -> str:
  """Returns the line of one picture."""
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
    "checkpoint": checkpoint,
    "method": method,
  }
  return json.dumps(content) + "\n"
