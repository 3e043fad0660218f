"""The name of each array of the networks, here and in the files of others.

Our names are the paths in our trees:

  generator/NETWORK/LAYER/kernel, .../bias   NETWORK is coarse or refinement
  discriminator/LAYER/kernel, .../bias
  spectral/LAYER/u, .../sigma                the discriminator's power iteration

A completion network has no NETWORK, and also batch normalization. The networks
themselves determine which arrays exist, and their shapes. By default, kernels
are `[H, W, I, O]` and colours RGB.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import ml_collections
import numpy as np
from flax import traverse_util

from gatedinpaint_jax import build
from gatedinpaint_jax.networks import patch_discriminator

# The first three inputs of these kernels are the colours of a picture.
_COLOUR_INPUTS = (
  "generator/coarse/conv1/kernel",
  "generator/refinement/xconv1/kernel",
  "generator/refinement/pmconv1/kernel",
  "discriminator/conv1/kernel",
)
# The outputs of these are colours.
_COLOUR_OUTPUTS = (
  "generator/coarse/conv17/kernel",
  "generator/coarse/conv17/bias",
  "generator/refinement/allconv17/kernel",
  "generator/refinement/allconv17/bias",
)


class Layout(NamedTuple):
  """Names and layout of the arrays in one kind of file."""

  # Maps one of our names to the name in the file, or to None for an array that
  # this kind of file never holds.
  rename: Callable[[str], str | None]
  kernel_axes: str = "HWIO"  # or a permutation
  is_bgr: bool = False

  def shape(self, shape) -> tuple[int, ...]:
    """Returns the shape in the file for one of our shapes."""
    if len(shape) != 4:
      return tuple(shape)
    return tuple(shape["HWIO".index(axis)] for axis in self.kernel_axes)

  def to_ours(self, name: str, array) -> np.ndarray:
    """Returns an array of the file in our layout, float32 and contiguous."""
    if array.ndim == 4:
      array = array.transpose([self.kernel_axes.index(axis) for axis in "HWIO"])
    if self.is_bgr:
      array = swap_red_and_blue(name, array)
    with np.errstate(over="ignore"):  # callers check whether it is finite
      return np.asarray(array, np.float32, order="C")


def released_model(*, guided: bool) -> dict[str, Any]:
  """Returns `config.model` of the released networks."""
  return {"conv": "gated", "width": 48, "guided": guided, "dtype": "float32"}


def shapes(model: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
  """Returns {our name: shape} of the networks of `config.model`."""
  config = ml_collections.ConfigDict({"model": dict(model)})
  generator, discriminator = build.build_networks(config)
  key = jax.random.key(0)
  image = np.zeros((1, 16, 16, generator.channels))
  mask = image[..., :1]
  sketch = mask if generator.guided else None
  init = lambda network, **kwargs: jax.eval_shape(
    lambda: network.init(key, image, mask, sketch, **kwargs)
  )
  trees = {"generator": init(generator)["params"]}
  if discriminator is not None:
    critic = init(discriminator, update_stats=False)
    trees["discriminator"] = critic["params"]
    trees["spectral"] = critic.get(patch_discriminator.SPECTRAL, {})
  return {name: array.shape for name, array in flatten(trees).items()}


def flatten(trees) -> dict[str, Any]:
  """Returns {our name: array} of trees with the keys of `TrainState`."""
  arrays = {}
  for (tree, *path), array in traverse_util.flatten_dict(trees).items():
    if tree == "spectral":  # Flax: LAYER_norm, then LAYER/kernel/u
      layer, _, leaf = path[-1].split("/")
      path = [layer, leaf]
    arrays["/".join((tree, *path))] = array
  return arrays


def unflatten(arrays: Mapping[str, Any]) -> dict[str, Any]:
  """Inverts `flatten`."""
  paths = {}
  for name, array in arrays.items():
    tree, *path = name.split("/")
    if tree == "spectral":
      layer, leaf = path
      path = [f"{layer}_norm", f"{layer}/kernel/{leaf}"]
    paths[(tree, *path)] = array
  return traverse_util.unflatten_dict(paths)


def swap_red_and_blue(name: str, array):
  """Converts an array from RGB to BGR pictures or back.

  Kernels are `[H, W, I, O]`. Arrays without a colour axis are unchanged.
  """
  if name in _COLOUR_INPUTS:
    others = range(3, array.shape[2])
    return array[:, :, [2, 1, 0, *others]]
  if name in _COLOUR_OUTPUTS:
    return array[..., ::-1]
  return array


def _rename_released(name):
  scope = "discriminator/sn_patch_gan"
  match name.split("/"):
    case ["generator", _, layer, leaf]:
      if layer.endswith("_upsample"):
        layer = f"{layer}/{layer}_conv"
      return f"inpaint_net/{layer}/{leaf}"
    case ["discriminator", layer, leaf]:
      return f"{scope}/{layer}/{leaf}"
    case ["spectral", layer, "u"]:
      return f"{scope}/{layer}/kernel_sn/u"
  return None


def _rename_port(name):
  match name.split("/"):
    case ["generator", _, layer, leaf]:
      conv = "conv.conv" if layer.endswith("_upsample") else "conv"
      return f"{layer}.{conv}.{'weight' if leaf == 'kernel' else leaf}"
  return None


OURS = Layout(lambda name: name)
RELEASED = Layout(_rename_released, is_bgr=True)
PORT = Layout(_rename_port, kernel_axes="OIHW")
