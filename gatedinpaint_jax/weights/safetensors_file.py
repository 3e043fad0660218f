"""Reads and writes safetensors files: named arrays and text metadata."""

import pathlib
from collections.abc import Mapping

import numpy as np
import safetensors
from safetensors import numpy as safetensors_numpy

from gatedinpaint_jax import errors, files

SUFFIX = ".safetensors"

# "format" in the metadata of our own files.
FORMAT = "gatedinpaint-jax"


def read(path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
  """Returns the arrays and the metadata of a file."""
  try:
    with safetensors.safe_open(path, framework="numpy") as file:
      arrays = {name: file.get_tensor(name) for name in file.keys()}
      return arrays, file.metadata() or {}
  # AttributeError and TypeError are for types that NumPy lacks.
  except (safetensors.SafetensorError, OSError, *errors.NONSENSE) as error:
    raise errors.UserError(
      f"{path} cannot be read ({errors.first_words(error)}); it should be a "
      "complete safetensors file of float32"
    ) from error


def write(path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]):
  """Writes a file atomically; raises UserError if it cannot be written."""
  content = safetensors_numpy.save(dict(arrays), metadata=dict(metadata))
  files.write(pathlib.Path(path), content)
