"""Subjects of an evaluation: checkpoints, methods and results in files."""

import importlib.metadata
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gatedinpaint_jax.evaluation import cases, methods
from gatedinpaint_jax.inference import inpainter
from gatedinpaint_jax.training import checkpoint_reader

KINDS = ("checkpoint", "method", "completed")


class Subject(NamedTuple):
  """Something that completes pictures."""

  description: dict[str, Any]  # final once all pictures are completed
  # Takes loaded cases of one size and the batch size, and returns their
  # completed pictures, `[H, W, 3] uint8` each.
  complete: Callable[[Sequence[cases.Loaded], int], Sequence[np.ndarray]]


class Request(NamedTuple):
  """A subject to evaluate, not yet in memory."""

  name: str  # unique among the requests
  kind: str  # one of KINDS
  value: str  # a path or the name of a method
  work: Sequence[cases.Case]  # with completions, if these are the subject
  identity: Any  # from `identify`


def identify(kind: str, value: str, work: Sequence[cases.Case]) -> Any:
  """Returns a value that is equal for equal subjects."""
  if kind == "checkpoint":
    return checkpoint_reader.find(value)
  if kind == "method":
    methods.load(value)
    return value
  return tuple(os.path.realpath(case.completed) for case in work)


def load(request: Request, *, backend: str) -> Subject:
  """Loads the subject of a request; `backend` is for checkpoints."""
  if request.kind == "checkpoint":
    return from_checkpoint(request.value, backend=backend)
  if request.kind == "method":
    return from_method(request.value)
  return Subject(
    {"method": "completed", "completed": request.value},
    lambda loaded, _: [
      cases.read_completed(entry.case, entry.hole.shape) for entry in loaded
    ],
  )


def from_checkpoint(path: str, *, backend: str) -> Subject:
  """Returns the generator of a checkpoint, of several steps the newest."""
  model = inpainter.Inpainter.from_checkpoint(path, backend=backend)
  step = model.checkpoint.name
  description = {
    "method": "checkpoint",
    "checkpoint": str(path),
    "step": int(step) if step.isdecimal() else None,
    "backend": None,
  }
  used = set()

  def complete(loaded, capacity):
    used.add(model.backend_for(*loaded[0].hole.shape))
    description["backend"] = " and ".join(sorted(used))
    # Repeat the last one: another batch size would compile another program.
    padded = [*loaded, *[loaded[-1]] * (capacity - len(loaded))]
    images = model(
      np.stack([entry.image for entry in padded]),
      np.stack([entry.hole for entry in padded]),
    )
    return images[: len(loaded)]

  return Subject(description, complete)


def from_method(name: str) -> Subject:
  """Returns a method without training; see `methods.load`."""
  method = methods.load(name)
  description = {"method": name}
  _, package = methods.METHODS[name]
  if package:
    # Several distributions provide the package of OpenCV.
    found = importlib.metadata.packages_distributions().get(package)
    description["library"] = found and " ".join(
      (found[0], importlib.metadata.version(found[0]))
    )
  return Subject(
    description,
    lambda loaded, _: [method(entry.image, entry.hole) for entry in loaded],
  )
