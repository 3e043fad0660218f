"""What each array of the networks is called, here and in the files of others.

Our names are the paths in our trees:

  generator/NETWORK/LAYER/kernel, .../bias   NETWORK is coarse or refinement
  discriminator/LAYER/kernel, .../bias
  spectral/LAYER/u, .../sigma                the discriminator's power iteration

Those are the names of the paper's networks; a completion network has no part
NETWORK, and batch normalization beside its kernels. Which arrays exist, and in
which shape, follows from the networks themselves.
Kernels are `[H, W, I, O]` and colours RGB wherever nothing else is said.
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
  """How one kind of file names and lays out the arrays.

  Attributes:
    rename: gives the name in the file for one of ours, or None for an array
      that this kind of file never holds.
    kernel_axes: the axes of a kernel, a permutation of "HWIO".
    is_bgr: whether colours are BGR.
  """

  rename: Callable[[str], str | None]
  kernel_axes: str = "HWIO"
  is_bgr: bool = False

  def shape(self, shape) -> tuple[int, ...]:
    """Returns the shape in the file of an array of ours."""
    if len(shape) != 4:
      return tuple(shape)
    return tuple(shape["HWIO".index(axis)] for axis in self.kernel_axes)

  def to_ours(self, name: str, array) -> np.ndarray:
    """Returns an array of the file as our networks hold it.

    Args:
      name: ours.
      array: as in the file.

    Returns:
      float32, contiguous.
    """
    if array.ndim == 4:
      array = array.transpose([self.kernel_axes.index(axis) for axis in "HWIO"])
    if self.is_bgr:
      array = swap_red_and_blue(name, array)
    return np.asarray(array, np.float32, order="C")


def released_model(*, guided: bool) -> dict[str, Any]:
  """Returns `config.model` of the released networks."""
  return {"conv": "gated", "width": 48, "guided": guided, "dtype": "float32"}


def shapes(model: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
  """Returns {our name: shape} of every array of both networks.

  Args:
    model: `config.model`.

  Raises:
    UserError: if a value of it is not allowed.
  """
  config = ml_collections.ConfigDict({"model": dict(model)})
  generator, discriminator = build.build_networks(config)
  key = jax.random.key(0)
  image, mask = np.zeros((1, 16, 16, 3)), np.zeros((1, 16, 16, 1))
  sketch = mask if generator.guided else None
  shapes_of = lambda network, **kwargs: jax.eval_shape(
    lambda: network.init(key, image, mask, sketch, **kwargs)
  )
  trees = {"generator": shapes_of(generator)["params"]}
  if discriminator is not None:
    judged = shapes_of(discriminator, update_stats=False)
    trees["discriminator"] = judged["params"]
    trees["spectral"] = judged.get(patch_discriminator.SPECTRAL, {})
  return {name: array.shape for name, array in flatten(trees).items()}


def flatten(trees) -> dict[str, Any]:
  """Returns {our name: array} of trees under the keys of `TrainState`."""
  arrays = {}
  for (tree, *path), array in traverse_util.flatten_dict(trees).items():
    if tree == "spectral":  # Flax: LAYER_norm, then LAYER/kernel/u
      layer, _, leaf = path[-1].split("/")
      path = [layer, leaf]
    arrays["/".join((tree, *path))] = array
  return arrays


def unflatten(arrays: Mapping[str, Any]) -> dict[str, Any]:
  """Returns the trees that `flatten` gave the arrays of."""
  paths = {}
  for name, array in arrays.items():
    tree, *path = name.split("/")
    if tree == "spectral":
      layer, leaf = path
      path = [f"{layer}_norm", f"{layer}/kernel/{leaf}"]
    paths[(tree, *path)] = array
  return traverse_util.unflatten_dict(paths)


def swap_red_and_blue(name: str, array):
  """Returns an array for BGR pictures instead of RGB ones, or the reverse.

  Args:
    name: ours; most arrays meet no colours and stay as they are.
    array: kernels `[H, W, I, O]`.
  """
  if name in _COLOUR_INPUTS:
    others = range(3, array.shape[2])
    return array[:, :, [2, 1, 0, *others]]
  if name in _COLOUR_OUTPUTS:
    return array[..., ::-1]
  return array


def _rename_released(name):
  """Names of the released program's TensorFlow checkpoints."""
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
  """Names of the PyTorch port's state dictionary, which is a generator's."""
  match name.split("/"):
    case ["generator", _, layer, leaf]:
      conv = "conv.conv" if layer.endswith("_upsample") else "conv"
      return f"{layer}.{conv}.{'weight' if leaf == 'kernel' else leaf}"
  return None


OURS = Layout(lambda name: name)
RELEASED = Layout(_rename_released, is_bgr=True)
PORT = Layout(_rename_port, kernel_axes="OIHW")
