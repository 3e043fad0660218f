"""A checkpoint of a small generator for the tests of inference."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from gatedinpaint_jax.networks import inpaint_generator
from gatedinpaint_jax.training import checkpoints


@functools.cache
def _shapes(guided, channels=3):
  generator = inpaint_generator.InpaintGenerator(
    width=4, guided=guided, channels=channels
  )
  x = jnp.zeros((1, 16, 16, 1))
  return jax.eval_shape(
    lambda: generator.init(
      jax.random.key(0), x[..., [0] * channels], x, x if guided else None
    )
  )["params"]


def params(*, guided=False):
  """Returns parameters of width 4, large enough to give many colours."""
  draw = np.random.default_rng(4)
  return jax.tree.map(
    lambda leaf: draw.normal(0, 0.4, leaf.shape).astype(np.float32),
    _shapes(guided),
  )


def calm_params(*, guided=False, channels=3):
  """Returns others, through which rounding errors do not grow."""
  draw = np.random.default_rng(4)

  def draw_leaf(leaf):
    inputs = math.prod(leaf.shape[:-1]) if leaf.ndim > 1 else 100
    return draw.normal(0, inputs**-0.5, leaf.shape).astype(np.float32)

  return jax.tree.map(draw_leaf, _shapes(guided, channels))


def write(folder, *, guided=False, params=params, channels=3, **data):
  """Saves it as step 0 of a workdir, which is returned.

  `data` are keys of `config.data`; other channels than 3 have calm parameters.
  """
  model = {"conv": "gated", "width": 4, "guided": guided, "dtype": "float32"}
  config = {"model": model, "imported_from": "a test"}
  trees = {"generator": params(guided=guided)}
  if channels != 3:
    config |= {"model": model | {"channels": channels}, "data": data}
    trees = {"generator": calm_params(guided=guided, channels=channels)}
  with checkpoints.Checkpoints(folder, keep=1) as store:
    store.save_imported(trees, config)
  return folder
