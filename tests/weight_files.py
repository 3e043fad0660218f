"""Writes weights as the programs do that we import from."""

import jax
import numpy as np
import tensorflow as tf
from safetensors import numpy as safetensors_numpy

from tests import released


def write_tensorflow(prefix, arrays):
  """Writes {name: array} as a checkpoint of TensorFlow."""
  names = list(arrays)
  tf.raw_ops.SaveV2(
    prefix=str(prefix),
    tensor_names=names,
    shape_and_slices=[""] * len(names),
    tensors=[tf.constant(arrays[name]) for name in names],
  )


def released_entries(kind, *, with_discriminator=True):
  """Returns the golden weights as the released program saves them.

  Its optimizer's entries are here, in a shape that shows that nobody reads
  them.
  """
  weights = released.weights(kind)
  if not with_discriminator:
    weights = {n: w for n, w in weights.items() if n.startswith("inpaint_net")}
  unread = np.zeros(1, np.float32)
  trained = [name for name in weights if not name.endswith("/u")]
  slots = {
    f"{n}/{slot}": unread for n in trained for slot in ("Adam", "Adam_1")
  }
  counters = dict.fromkeys(("beta1_power", "beta2_power", "lr"), unread)
  return {**weights, **slots, **counters, "global_step": np.int64(7)}


def port_entries(kind):
  """Returns the golden generator as the port names and lays it out: RGB, OIHW.

  Written without the package's table of names.
  """
  generator, _, _ = released.variables(kind)
  entries = {}
  for network in generator.values():
    for layer, arrays in network.items():
      inner = ".conv" if "upsample" in layer else ""
      kernel = np.moveaxis(arrays["kernel"], (0, 1, 2, 3), (2, 3, 1, 0))
      entries[f"{layer}{inner}.conv.weight"] = np.ascontiguousarray(kernel)
      entries[f"{layer}{inner}.conv.bias"] = arrays["bias"]
  return entries


def write_safetensors(path, arrays, metadata=None):
  """Writes {name: array} as a safetensors file and returns its path."""
  path.write_bytes(safetensors_numpy.save(arrays, metadata=metadata))
  return path


def assert_golden(trees, kind, *, with_discriminator):
  """Raises AssertionError unless the trees hold the golden weights."""
  wanted = ("generator", "discriminator", "spectral")
  expected = dict(zip(wanted, released.variables(kind), strict=True))
  if not with_discriminator:
    expected = {"generator": expected["generator"]}
  jax.tree.map(np.testing.assert_array_equal, trees, expected)
