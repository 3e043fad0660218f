"""Reads the PyTorch port's file, which torch alone can read.

The file is a dictionary; the state dictionary of the generator is under `G`.
"""

from typing import NamedTuple

import numpy as np

from gatedinpaint_jax import errors

GENERATOR = "G"


class PortFile(NamedTuple):
  """What a file of the port holds.

  Attributes:
    generator: arrays by their names in the state dictionary.
    left_out: the other keys of the file.
  """

  generator: dict[str, np.ndarray]
  left_out: tuple[str, ...]


def read(path) -> PortFile:
  """Reads a `.pth` or `.pt` without running what it may hold.

  A file that is nothing but the state dictionary is read too.

  Raises:
    UserError: if torch is not installed, the file is damaged, or it holds
      something else.
  """
  saved = _load(path)
  if not isinstance(saved, dict):
    raise errors.UserError(
      f"{path} holds a {type(saved).__name__}; the port's files hold "
      f"a dictionary with the generator under {GENERATOR}"
    )
  tensors = saved.get(GENERATOR, saved)
  left_out = [str(k) for k in saved if k != GENERATOR and tensors is not saved]
  return PortFile(_to_arrays(tensors, path), tuple(left_out))


def _load(path):
  try:
    import torch
  except ImportError as error:
    raise errors.UserError(
      f"{path} can be read with PyTorch only; "
      'pip install "gatedinpaint-jax[torch]"'
    ) from error
  try:
    return torch.load(path, map_location="cpu", weights_only=True)
  # Whatever lies in a file of another kind reaches torch's unpickler, which
  # fails in as many ways as there are bytes.
  except Exception as error:
    raise errors.UserError(
      f"torch cannot read {path} as weights alone "
      f"({type(error).__name__}); it is damaged or a file of another kind"
    ) from error


def _to_arrays(tensors, path) -> dict[str, np.ndarray]:
  """Returns a state dictionary in numpy's arrays, all floats in 32 bits."""
  import torch

  is_state = isinstance(tensors, dict) and all(
    isinstance(name, str) and isinstance(tensor, torch.Tensor)
    for name, tensor in tensors.items()
  )
  if not (is_state and tensors):
    raise errors.UserError(
      f"{path} holds no state dictionary; in the port's files the "
      f"generator's is under {GENERATOR}"
    )
  return {name: _to_array(tensor) for name, tensor in tensors.items()}


def _to_array(tensor) -> np.ndarray:
  tensor = tensor.detach()
  # numpy has no bfloat16.
  return (tensor.float() if tensor.is_floating_point() else tensor).numpy()
