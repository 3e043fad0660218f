"""Numbers of the released program, brought into our conventions.

The files in `golden/` were computed by the untouched released program
(TensorFlow 1.15) on weights made by the rule below. Pictures and weights of the
released program are BGR; everything that leaves this module is RGB.
"""

import functools
import json
import pathlib

import numpy as np

from gatedinpaint_jax.weights import names

GOLDEN = pathlib.Path(__file__).parent / "golden"


def load(name):
  """Returns the arrays of one golden file by name."""
  with np.load(GOLDEN / f"{name}.npz") as arrays:
    return dict(arrays)


def variables(kind):
  """Returns `(generator parameters, discriminator parameters, spectral)`."""
  trees = _trees(weights(kind))
  return trees["generator"], trees["discriminator"], trees["spectral"]


def spectral(arrays, prefix):
  """Returns the spectral collection of a golden file, `prefix` u0 or u1."""
  scope = f"{prefix}/"
  found = {
    n.removeprefix(scope): a for n, a in arrays.items() if n.startswith(scope)
  }
  return _trees(found)["spectral"]


def to_ours(name, value):
  """Returns our name of a released variable in its parts, and it in RGB.

  A scalar, such as the norm of a gradient, stays as it is.
  """
  ours = _our_names()[name]
  if np.ndim(value):
    value = names.RELEASED.to_ours(ours, value)
  return tuple(ours.split("/")), value


def weights(kind):
  """Rebuilds the golden weights: {released name: float32 array}.

  The kind is "plain" or "guided".
  """
  table = json.loads((GOLDEN / "vars.json").read_text())[kind]
  shapes = {name: shape for name, shape, _ in table}
  trained = {name: is_trained for name, _, is_trained in table}
  trainable = np.random.default_rng(2019)
  power_iteration = np.random.default_rng(2020)
  weights = {}
  for name in sorted(n for n in shapes if trained[n]):
    draw = trainable.normal(0, _scale(name, shapes[name]), size=shapes[name])
    weights[name] = draw.astype(np.float32)
  for name in sorted(n for n in shapes if not trained[n]):
    draw = power_iteration.normal(0, 1, size=shapes[name])
    weights[name] = draw.astype(np.float32)
  return weights


def _trees(variables):
  """Returns our trees of released variables; sigma, which they lack, is 1."""
  arrays = {}
  for name, value in variables.items():
    path, array = to_ours(name, value)
    arrays["/".join(path)] = array
    if path[-1] == "u":
      arrays["/".join((*path[:-1], "sigma"))] = np.ones((), np.float32)
  return names.unflatten(arrays)


@functools.cache
def _our_names():
  """Returns {released name: our name}."""
  ours = names.shapes(names.released_model(guided=False))
  return {names.RELEASED.rename(name): name for name in ours}


def _scale(name, shape):
  """Large enough that a wrong layer moves the output by 1 or 2."""
  in_generator = name.startswith("inpaint_net")
  if name.endswith("/kernel"):
    gain = 1.0
    if in_generator:
      is_last = name.split("/")[1] in ("conv17", "allconv17")
      gain = 0.8 if is_last else 1.63
    return gain * np.sqrt(2.0 / np.prod(shape[:3]))
  if in_generator:
    return 0.05
  return 1.2 if "/conv6/" in name else 0.5
