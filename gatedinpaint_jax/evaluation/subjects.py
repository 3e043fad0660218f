"""What is evaluated: a checkpoint, a method by name, or results in files."""

import importlib.metadata
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gatedinpaint_jax.evaluation import cases, methods
from gatedinpaint_jax.inference import inpainter
from gatedinpaint_jax.training import checkpoint_reader

# What fills holes, by the name of the module whose distribution is reported.
_MODULES = {
  "opencv_telea": "cv2",
  "opencv_navier_stokes": "cv2",
  "biharmonic": "skimage",
  "patchmatch": "patchmatch",
}


class Subject(NamedTuple):
  """Something that completes pictures.

  Attributes:
    description: what the report says of it.
    complete: takes loaded cases of one size and how many of it there are at
      most, returns their completed pictures, `[H, W, 3] uint8` each.
  """

  description: dict[str, Any]
  complete: Callable[[Sequence[cases.Loaded], int], Sequence[np.ndarray]]


def of_checkpoint(path: str) -> Subject:
  """Returns the generator of a checkpoint; devices share a batch's pictures.

  Raises:
    UserError: if there is no checkpoint or it cannot be read.
  """
  # Before it is read: a run that goes on may write another.
  folder = checkpoint_reader.find(path)
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
  if name in _MODULES:
    # OpenCV comes from one of several.
    found = importlib.metadata.packages_distributions().get(_MODULES[name])
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
