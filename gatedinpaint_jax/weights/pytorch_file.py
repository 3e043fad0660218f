"""Reads the PyTorch port's file with torch.

The file is a dictionary with the state dictionary of the generator under `G`.
"""

import warnings

import numpy as np

from gatedinpaint_jax import errors

GENERATOR = "G"


def read(path) -> tuple[dict[str, np.ndarray], list[str]]:
  """Returns the generator's arrays by name, and the other keys of a file.

  Floats become float32. Does not run code in the file. Also accepts a bare
  state dictionary.
  """
  errors.check_installed("torch", extra="torch")
  import torch

  try:
    with warnings.catch_warnings(action="ignore"):
      saved = torch.load(path, map_location="cpu", weights_only=True)
  # Files of another kind reach torch's unpickler, which may raise anything.
  except Exception as error:
    raise errors.UserError(
      f"torch cannot read {path} with weights_only "
      f"({type(error).__name__}); it is damaged or a file of another kind"
    ) from error
  if not isinstance(saved, dict):
    raise errors.UserError(
      f"{path} holds a {type(saved).__name__}; the port's files hold "
      f"a dictionary with the generator under {GENERATOR}"
    )
  tensors = saved.get(GENERATOR, saved)
  is_state = isinstance(tensors, dict) and all(
    isinstance(name, str) and isinstance(tensor, torch.Tensor)
    for name, tensor in tensors.items()
  )
  if not (is_state and tensors):
    raise errors.UserError(
      f"{path} holds no state dictionary; the port's files hold the "
      f"generator's under {GENERATOR}"
    )
  left_out = [str(k) for k in saved if k != GENERATOR and tensors is not saved]
  try:
    arrays = {name: _to_array(tensor) for name, tensor in tensors.items()}
  # For tensors without values of their own: sparse, virtual or repeated ones.
  except (NotImplementedError, RuntimeError, TypeError, ValueError) as error:
    raise errors.UserError(
      f"{path} holds tensors that are not plain arrays "
      f"({errors.first_words(error)}); save them as dense tensors of float32"
    ) from error
  return arrays, left_out


def _to_array(tensor) -> np.ndarray:
  tensor = tensor.detach()
  size = tensor.numel() * tensor.element_size()
  if size > tensor.untyped_storage().nbytes():
    raise ValueError(f"one claims {size} bytes and has fewer")
  # NumPy has no bfloat16.
  return (tensor.float() if tensor.is_floating_point() else tensor).numpy()
