"""Subjects of an evaluation: checkpoints, methods and results in files."""

import importlib.metadata
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.evaluation import cases, methods
from gatedinpaint_jax.inference import inpainter
from gatedinpaint_jax.training import checkpoint_reader

KINDS = ("checkpoint", "method", "completed")


class Subject(NamedTuple):
  """Something that completes pictures."""

  description: dict[str, Any]  # final once all pictures are completed
  # Takes loaded cases of one size and type and the batch size, and returns
  # their completed pictures, alike.
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


def read_values(path: str) -> values_lib.Values:
  """Returns what the pictures of a checkpoint's model are."""
  try:
    config = checkpoint_reader.read_config(checkpoint_reader.find(path))
  except checkpoint_reader.DAMAGE:
    config = checkpoint_reader.read(path).config  # says what is wrong
  return values_lib.from_config(config)


def load(request: Request, *, loader: cases.Loader, backend: str) -> Subject:
  """Loads the subject of a request; `backend` is for checkpoints."""
  if request.kind == "checkpoint":
    return from_checkpoint(request.value, backend=backend)
  if request.kind == "method":
    return from_method(request.value, loader.values)
  return Subject(
    {"method": "completed", "completed": request.value},
    lambda loaded, _: list(map(loader.completed, loaded)),
  )


def from_checkpoint(path: str, *, backend: str) -> Subject:
  """Returns the generator of a checkpoint, of several steps the newest."""
  model = inpainter.Inpainter.from_checkpoint(
    path, backend=backend, large="exact"
  )
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
      np.stack([entry.hole | entry.missing for entry in padded]),
    )
    return list(map(_keep_missing, loaded, images))

  return Subject(description, complete)


def from_method(
  name: str, values: values_lib.Values = values_lib.PHOTOGRAPHS
) -> Subject:
  """Returns a method without training; see `methods.load`."""
  method = methods.load(name)
  methods.check_takes(name, values.channels)
  description = {"method": name}
  _, package = methods.METHODS[name]
  if package:
    # Several distributions provide the package of OpenCV.
    found = importlib.metadata.packages_distributions().get(package)
    description["library"] = found and " ".join(
      (found[0], importlib.metadata.version(found[0]))
    )
  fill = lambda entry: method(entry.image, entry.hole | entry.missing, values)
  return Subject(
    description,
    lambda loaded, _: [_keep_missing(entry, fill(entry)) for entry in loaded],
  )


def _keep_missing(entry, filled) -> np.ndarray:
  """Returns a picture filled in its hole, but not where else it has no data."""
  if not entry.missing.any():
    return filled
  return np.where(entry.hole[..., None], filled, entry.image)
