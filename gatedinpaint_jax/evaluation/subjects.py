"""What can be evaluated: a checkpoint, a method or results in files."""

import importlib.metadata
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gatedinpaint_jax.evaluation import cases, methods
from gatedinpaint_jax.inference import inpainter
from gatedinpaint_jax.training import checkpoint_reader

KINDS = ("checkpoint", "method", "completed")


class Subject(NamedTuple):
  """Something that completes pictures.

  Attributes:
    description: what the report says about it, once all is completed.
    complete: takes loaded cases of one size and the most that a call may have;
      returns their completed pictures, `[H, W, 3] uint8` each.
  """

  description: dict[str, Any]
  complete: Callable[[Sequence[cases.Loaded], int], Sequence[np.ndarray]]


class Request(NamedTuple):
  """A subject that was asked for: found, but not yet in memory.

  Attributes:
    name: short and unique among the requests.
    kind: one of KINDS.
    value: the path or the method's name, as given.
    work: the cases, with their completed pictures if these are the subject.
    identity: as `identify` returns it.
  """

  name: str
  kind: str
  value: str
  work: Sequence[cases.Case]
  identity: Any


def identify(kind: str, value: str, work: Sequence[cases.Case]) -> Any:
  """Returns what is equal for equal subjects, and checks that they are there.

  The folder of one step of a checkpoint, a method's name, or the files of
  completed pictures.

  Raises:
    UserError: if there is no checkpoint or a library is missing.
  """
  if kind == "checkpoint":
    return checkpoint_reader.find(value)
  if kind == "method":
    methods.load(value)
    return value
  return tuple(os.path.realpath(case.completed) for case in work)


def load(request: Request, *, backend: str) -> Subject:
  """Loads the subject of a request; `backend` is what computes a checkpoint."""
  if request.kind == "checkpoint":
    return from_checkpoint(request.value, request.identity, backend=backend)
  of_kind = from_method if request.kind == "method" else from_files
  return of_kind(request.value)


def from_checkpoint(
  path: str, folder: pathlib.Path | None = None, *, backend: str
) -> Subject:
  """Returns the generator of a checkpoint; devices share a batch's pictures.

  Args:
    path: of a run or one of its steps, for the report.
    folder: the step to take, for a run that is still training writes new ones;
      None for the newest.
    backend: see `Inpainter`.

  Raises:
    UserError: if there is no checkpoint or it cannot be read, or the backend is
      not installed.
  """
  folder = folder or checkpoint_reader.find(path)
  model = inpainter.Inpainter.from_checkpoint(folder, backend=backend)

  description = {
    "method": "checkpoint",
    "checkpoint": str(path),
    "step": int(folder.name) if folder.name.isdecimal() else None,
    "backend": None,
  }
  used = set()

  def complete(loaded, capacity):
    used.add(model.backend_for(*loaded[0].hole.shape))
    description["backend"] = " and ".join(sorted(used))
    # The last one is repeated: another number of pictures is another program.
    padded = [*loaded, *[loaded[-1]] * (capacity - len(loaded))]
    images = model(
      np.stack([entry.image for entry in padded]),
      np.stack([entry.hole for entry in padded]),
    )
    return images[: len(loaded)]

  return Subject(description, complete)


def from_method(name: str) -> Subject:
  """Returns a method without training.

  Raises:
    UserError: if there is no such method or its library is not installed.
  """
  method = methods.load(name)
  description = {"method": name}
  package = methods.PACKAGES[name]
  if package:
    # Several distributions provide OpenCV.
    found = importlib.metadata.packages_distributions().get(package)
    description["library"] = found and " ".join(
      (found[0], importlib.metadata.version(found[0]))
    )
  return Subject(
    description,
    lambda loaded, _: [method(entry.image, entry.hole) for entry in loaded],
  )


def from_files(folder: str) -> Subject:
  """Returns the pictures that some program has completed."""
  return Subject(
    {"method": "completed", "completed": folder},
    lambda loaded, _: [cases.read_completed(entry) for entry in loaded],
  )
