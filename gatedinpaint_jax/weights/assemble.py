"""Assembles the arrays of a file to the parameter trees of our networks."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from gatedinpaint_jax import errors
from gatedinpaint_jax.weights import names

# Number of names listed per kind of fault.
_SHOWN = 8


def assemble(
  entries: Mapping[str, np.ndarray],
  *,
  layout: names.Layout,
  model: Mapping[str, Any],
  file,
) -> dict[str, Any]:
  """Returns `generator` and, if the file has one, `discriminator`, `spectral`.

  The trees are those of `TrainState` for the networks of `config.model`, in
  float32. If the layout has no `sigma`, it is 1 as in a new network; the first
  update replaces it. Errors name `file`.
  """
  shapes = names.shapes(model)
  generator = {n: s for n, s in shapes.items() if n.startswith("generator/")}
  if not any(layout.rename(n) in entries for n in shapes.keys() - generator):
    shapes = generator
  faults = _find_faults(entries, shapes, layout)
  if faults:
    raise errors.UserError(
      f"{file} does not hold the {'guided' if model['guided'] else 'plain'} "
      f"{model['conv']} networks of width {model['width']}: {'; '.join(faults)}"
    )
  arrays = {}
  for name, shape in shapes.items():
    entry = layout.rename(name)
    if entry is None:
      arrays[name] = np.ones(shape, np.float32)
      continue
    arrays[name] = layout.to_ours(name, entries[entry])
    if not np.isfinite(arrays[name]).all():
      raise errors.UserError(
        f"{file}: {entry} has values that are not finite; its training "
        "diverged, or the file is damaged"
      )
  return names.unflatten(arrays)


def _find_faults(entries, shapes, layout) -> list[str]:
  wanted = {
    layout.rename(name): layout.shape(shape)
    for name, shape in shapes.items()
    if layout.rename(name) is not None
  }
  misshaped = []
  for name in wanted.keys() & entries.keys():
    dtype, shape = entries[name].dtype, entries[name].shape
    if shape != wanted[name]:
      misshaped.append(f"{name} is {shape}, should be {wanted[name]}")
    elif not jnp.issubdtype(dtype, jnp.floating):
      misshaped.append(f"{name} is {dtype}, should be float32")
  kinds = {
    "missing": wanted.keys() - entries.keys(),
    "extra": entries.keys() - wanted.keys(),
    "misshaped": misshaped,
  }
  return [
    f"{len(found)} {kind} ({_shorten(sorted(found))})"
    for kind, found in kinds.items()
    if found
  ]


def _shorten(items: Sequence[str]) -> str:
  more = len(items) - _SHOWN
  tail = f" and {more} more" if more > 0 else ""
  return ", ".join(items[:_SHOWN]) + tail
