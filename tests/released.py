"""Numbers of the released program, brought into our conventions.

The files in `golden/` were computed by the untouched released program
(TensorFlow 1.15) on weights made by the rule below. Pictures and weights of the
released program are BGR; everything that leaves this module is RGB.
"""

import json
import pathlib

import numpy as np

GOLDEN = pathlib.Path(__file__).parent / "golden"

# Kernels with colours among their inputs (the first three) or outputs.
_COLOUR_INPUTS = ("coarse/conv1", "refinement/xconv1", "refinement/pmconv1")
_COLOUR_OUTPUTS = ("coarse/conv17", "refinement/allconv17")


def load(name):
  """Returns the arrays of one golden file by name."""
  with np.load(GOLDEN / f"{name}.npz") as arrays:
    return dict(arrays)


def variables(kind):
  """Returns `(generator parameters, discriminator parameters, spectral)`.

  Args:
    kind: "plain" or "guided".
  """
  trees = {"generator": {}, "discriminator": {}, "spectral": {}}
  for name, value in _weights(kind).items():
    path, value = to_ours(name, value)
    *parents, leaf = path
    tree = trees
    for parent in parents:
      tree = tree.setdefault(parent, {})
    tree[leaf] = value
  return trees["generator"], trees["discriminator"], trees["spectral"]


def spectral(arrays, prefix):
  """Returns the spectral collection of a golden file, `prefix` u0 or u1."""
  tree = {}
  for name, value in arrays.items():
    if name.startswith(f"{prefix}/"):
      (_, layer, leaf), value = to_ours(name.removeprefix(f"{prefix}/"), value)
      tree[layer] = {leaf: value, leaf.replace("/u", "/sigma"): np.float32(1)}
  return tree


def to_ours(name, value):
  """Returns the path of a released variable in our trees, and it in RGB.

  A scalar, such as the norm of a gradient, stays as it is.
  """
  scope, *rest = name.split("/")
  if scope == "discriminator":
    layer, *leaf = rest[1:]
    if leaf == ["kernel_sn", "u"]:
      return ("spectral", f"{layer}_norm", f"{layer}/kernel/u"), value
    if layer == "conv1" and np.ndim(value) == 4:
      value = flip_inputs(value)
    return ("discriminator", layer, *leaf), value
  layer, leaf = rest[0], rest[-1]
  network = "coarse" if layer.startswith("conv") else "refinement"
  if f"{network}/{layer}" in _COLOUR_INPUTS and np.ndim(value) == 4:
    value = flip_inputs(value)
  if f"{network}/{layer}" in _COLOUR_OUTPUTS and np.ndim(value):
    value = value[..., ::-1]
  return ("generator", network, layer, leaf), value


def flip_inputs(kernel):
  """Swaps blue and red among the inputs of a kernel `[K, K, I, O]`."""
  return np.concatenate([kernel[:, :, 2::-1], kernel[:, :, 3:]], axis=2)


def _weights(kind):
  """Rebuilds the golden weights: {released name: float32 array}."""
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
