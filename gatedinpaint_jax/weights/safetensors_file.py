"""Reads and writes safetensors: arrays by name and texts beside them."""

import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import safetensors
from safetensors import numpy as safetensors_numpy

from gatedinpaint_jax import errors, files

SUFFIX = ".safetensors"

# What the metadata of our own files says under "format".
FORMAT = "gatedinpaint-jax"


class SafetensorsFile(NamedTuple):
  """What a file holds.

  Attributes:
    arrays: by name.
    metadata: texts by key; may be empty.
  """

  arrays: dict[str, np.ndarray]
  metadata: dict[str, str]


def read(path) -> SafetensorsFile:
  """Reads a whole file.

  Raises:
    UserError: if it is damaged or of another kind.
  """
  try:
    with safetensors.safe_open(path, framework="numpy") as file:
      arrays = {name: file.get_tensor(name) for name in file.keys()}
      return SafetensorsFile(arrays, file.metadata() or {})
  # TypeError: numpy lacks a type of theirs.
  except (safetensors.SafetensorError, OSError, TypeError) as error:
    raise errors.UserError(
      f"{path} cannot be read ({error}); it should be a whole "
      "safetensors file of float32"
    ) from error


def write(path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]):
  """Writes a file, whole or not at all.

  Raises:
    UserError: if it cannot be written.
  """
  content = safetensors_numpy.save(dict(arrays), metadata=dict(metadata))
  files.write(pathlib.Path(path), content)
