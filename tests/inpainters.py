"""Inpainters of small and of fake generators, and pictures for them."""

import copy

import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.fast import attention, convolution
from gatedinpaint_jax.inference import inpainter as inpainter_lib
from gatedinpaint_jax.inference import large_pictures, openvino_backend
from gatedinpaint_jax.networks import inpaint_generator
from tests import small_checkpoint


def skip_without_openvino():
  if not openvino_backend.is_installed():
    pytest.skip("needs the extra openvino")


class ExactInpainter:
  """All that `job_runner` asks of an inpainter, but what fills a picture."""

  def __init__(self, values=values_lib.PHOTOGRAPHS, large="exact"):
    self.values = values
    self._large = large

  def with_values(self, values):
    other = copy.copy(self)
    other.values = values
    return other

  def backend_for(self, height, width):
    return "fake"

  def plan(self, hole):
    return large_pictures.choose(hole, self._large)

  def takes_batches(self, height, width):
    return self._large == "exact"


class FakeGenerator:
  """Predicts the sum of what it is given, so that a test sees all of it."""

  def __init__(self, guided):
    self.traces = []  # padded sizes of the programs that were compiled
    self.guided, self.channels = guided, 3

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
  make = inpainter_lib.Inpainter
  return make(generator, params, backend="jax", **kwargs), generator


def make_calm(*, guided=False, channels=3, backend="jax", **kwargs):
  """A narrow one with the fast forms, as users run it."""
  generator = inpaint_generator.InpaintGenerator(
    width=4,
    guided=guided,
    channels=channels,
    convolve=convolution.convolve,
    attend=attention.attend_on_cpu,
  )
  params = small_checkpoint.calm_params(guided=guided, channels=channels)
  return inpainter_lib.Inpainter(generator, params, backend=backend, **kwargs)


def draw_picture(seed, *shape):
  generator = np.random.default_rng(seed)
  image = generator.integers(0, 256, (*shape, 3), np.uint8)
  mask = 255 * generator.integers(0, 2, shape, np.uint8)
  return image, mask
