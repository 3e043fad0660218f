"""What is evaluated: a checkpoint, a method by name, or results in files.

A request is one of them that was asked for: found, and not yet in memory.
"""

import importlib.metadata
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gatedinpaint_jax import errors
from gatedinpaint_jax.evaluation import cases, methods
from gatedinpaint_jax.inference import inpainter
from gatedinpaint_jax.training import checkpoint_reader

# What can be asked for, by the name of its flag.
KINDS = ("checkpoint", "method", "completed")


class Subject(NamedTuple):
  """Something that completes pictures.

  Attributes:
    description: what the report says of it.
    complete: takes loaded cases of one size and how many of it there are at
      most, returns their completed pictures, `[H, W, 3] uint8` each.
  """

  description: dict[str, Any]
  complete: Callable[[Sequence[cases.Loaded], int], Sequence[np.ndarray]]


class Request(NamedTuple):
  """A subject that was asked for.

  Attributes:
    name: short, and no other request's.
    kind: one of KINDS.
    value: the path or the method's name, as it was given.
    work: the cases; of completed pictures, with them.
    found: equal for equal subjects: the folder of one step of a checkpoint, the
      method's name, or the files of completed pictures.
  """

  name: str
  kind: str
  value: str
  work: Sequence[cases.Case]
  found: Any


def find(
  given: Sequence[tuple[str, str]], work: Sequence[cases.Case]
) -> list[Request]:
  """Returns a request for each (kind, value), in their order.

  Args:
    given: kinds of KINDS, values as `Request`.
    work: all cases, without completed pictures.

  Raises:
    UserError: if one of them is not there, cannot be loaded for what is known
      without loading it, or is given twice.
  """
  texts = [value for _, value in given]
  found, seen = [], {}
  for kind, value in given:
    own = work
    if kind == "completed":
      own = cases.with_completed(work, [value])
    what = kind, _find(kind, value, own)
    if what in seen:
      raise errors.UserError(
        f"--{kind}={value}: is what --{kind}={seen[what]} names; name it once"
      )
    seen[what] = value
    name = value if texts.count(value) == 1 else f"{value} ({kind})"
    if any(name == other.name for other in found):
      raise errors.UserError(
        f"--{kind}={value}: another subject is called {name!r}; write its path "
        "in another way"
      )
    found.append(Request(name, kind, value, own, what[1]))
  return found


def load(request: Request) -> Subject:
  """Returns the subject of a request.

  Raises:
    UserError: as `of_checkpoint` and the others.
  """
  if request.kind == "checkpoint":
    return of_checkpoint(request.value, request.found)
  of_kind = {"method": of_method, "completed": of_completed}
  return of_kind[request.kind](request.value)


def of_checkpoint(path: str, folder: pathlib.Path | None = None) -> Subject:
  """Returns the generator of a checkpoint; devices share a batch's pictures.

  Args:
    path: of a run or one of its steps, for the report.
    folder: the step that `checkpoint_reader.find` found there before, for a run
      that goes on writes others; None to find it now.

  Raises:
    UserError: if there is no checkpoint or it cannot be read.
  """
  folder = folder or checkpoint_reader.find(path)
  model = inpainter.Inpainter.from_checkpoint(folder)

  def complete(loaded, capacity):
    # The last one is repeated: another number of pictures is another program.
    padded = [*loaded, *[loaded[-1]] * (capacity - len(loaded))]
    images = model(
      np.stack([entry.image for entry in padded]),
      np.stack([entry.hole for entry in padded]),
    )
    return images[: len(loaded)]

  return Subject(
    {
      "method": "checkpoint",
      "checkpoint": str(path),
      "step": int(folder.name) if folder.name.isdecimal() else None,
    },
    complete,
  )


def of_method(name: str) -> Subject:
  """Returns a method without training.

  Raises:
    UserError: if there is no such method or its library is not installed.
  """
  method = methods.load(name)
  description = {"method": name}
  package = methods.PACKAGES[name]
  if package:
    # OpenCV comes from one of several.
    found = importlib.metadata.packages_distributions().get(package)
    description["library"] = found and " ".join(
      (found[0], importlib.metadata.version(found[0]))
    )
  return Subject(
    description,
    lambda loaded, _: [method(entry.image, entry.hole) for entry in loaded],
  )


def of_completed(folder: str) -> Subject:
  """Returns what some program made of the pictures."""
  return Subject(
    {"method": "completed", "completed": str(folder)},
    lambda loaded, _: [cases.read_completed(entry) for entry in loaded],
  )


def _find(kind, value, work):
  """Returns `Request.found`."""
  if kind == "checkpoint":
    return checkpoint_reader.find(value)
  if kind == "method":
    methods.load(value)
    return value
  return tuple(os.path.realpath(case.completed) for case in work)
