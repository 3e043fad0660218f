"""Inpainters of small and of fake generators, and pictures for them."""

import jax.numpy as jnp
import numpy as np

from gatedinpaint_jax.fast import attention, convolution
from gatedinpaint_jax.inference import inpainter as inpainter_lib
from gatedinpaint_jax.networks import inpaint_generator
from tests import small_checkpoint


class FakeGenerator:
  """Predicts the sum of what it is given, so that a test sees all of it.

  Attributes:
    traces: the padded sizes of the programs that were compiled.
    guided: as of a real one.
  """

  def __init__(self, guided=False):
    self.traces = []
    self.guided = guided

  def apply(self, variables, incomplete, mask, sketch, *, padding):
    assert (sketch is not None) == self.guided
    self.traces.append(incomplete.shape[:3])
    seen = incomplete / 2 + mask / 4 + variables["params"]
    if sketch is not None:
      seen += sketch / 2
    padding = jnp.broadcast_to(padding, mask.shape)
    return inpaint_generator.GeneratorOutput(seen, seen, padding)


def make_fake(guided=False, **kwargs):
  generator = FakeGenerator(guided)
  params = np.zeros((1, 1, 1, 1), np.float32)
  return make(generator, params, **kwargs), generator


def make_generator():
  """A narrow one with the fast forms, as users run it."""
  return inpaint_generator.InpaintGenerator(
    width=4, convolve=convolution.convolve, attend=attention.attend_on_cpu
  )


def make(generator, params, *, backend="jax", **kwargs):
  return inpainter_lib.Inpainter(generator, params, backend=backend, **kwargs)


def draw_picture(seed, *shape):
  generator = np.random.default_rng(seed)
  image = generator.integers(0, 256, (*shape, 3), np.uint8)
  mask = 255 * generator.integers(0, 2, shape, np.uint8)
  return image, mask


def make_calm(**kwargs):
  generator = make_generator()
  params = small_checkpoint.calm_params()
  return make(generator, params, **kwargs)
