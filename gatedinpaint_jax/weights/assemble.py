"""The arrays of a file -> the trees of our networks, all of them or none."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from gatedinpaint_jax import errors
from gatedinpaint_jax.weights import names

# So many names of each kind of fault are spelled out.
_SHOWN = 8


def assemble(
  entries: Mapping[str, np.ndarray],
  *,
  layout: names.Layout,
  model: Mapping[str, Any],
  file,
) -> dict[str, Any]:
  """Returns `generator` and, if the file has one, `discriminator`, `spectral`.

  Args:
    entries: arrays by their names in the file.
    layout: of the file.
    model: `config.model` of the networks.
    file: what errors call the file.

  Returns:
    Trees as in `TrainState`, float32. Where the layout has no `sigma` it is 1,
    as in a fresh network; the first update replaces it.

  Raises:
    UserError: naming all names that are missing, not wanted or of another
      shape; or the first array that is not finite.
  """
  shapes = names.shapes(model)
  if not any(layout.rename(n) in entries for n in shapes if _is_critic(n)):
    shapes = {n: shape for n, shape in shapes.items() if not _is_critic(n)}
  faults = _find_faults(entries, shapes, layout)
  if faults:
    raise errors.UserError(
      f"{file} does not hold the {_describe(model)}: {'; '.join(faults)}"
    )
  arrays = {}
  for name, shape in shapes.items():
    theirs = layout.rename(name)
    if theirs is None:
      arrays[name] = np.ones(shape, np.float32)
      continue
    arrays[name] = layout.to_ours(name, entries[theirs])
    if not np.isfinite(arrays[name]).all():
      raise errors.UserError(
        f"{file}: {theirs} holds numbers that are not finite; the "
        "training that made it diverged, or the file is damaged"
      )
  return names.unflatten(arrays)


def _is_critic(name):
  return not name.startswith("generator/")


def _find_faults(entries, shapes, layout) -> list[str]:
  """Returns what is wrong with the entries, one text for each kind."""
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


def _describe(model) -> str:
  kind = "guided" if model["guided"] else "plain"
  return f"{kind} {model['conv']} networks of width {model['width']}"
