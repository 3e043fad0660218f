"""What computes a generator: JAX, or OpenVINO on CPUs."""

import jax

from gatedinpaint_jax import errors
from gatedinpaint_jax.inference import jax_backend, openvino_backend
from gatedinpaint_jax.networks import inpaint_generator

NAMES = ("auto", "jax", *openvino_backend.PRECISIONS)
# Padded size up to which `auto` chooses OpenVINO. Above it, the attention holds
# too many scores at once.
_MAX_PIXELS_OF_OPENVINO = 512 * 512


class Backends:
  """The backends of a generator, by name."""

  def __init__(self, generator, params, choice: str, *, bucket: int):
    """Takes the same as `Inpainter`, and raises what it does."""
    errors.check_choice("backend", choice, NAMES)
    self._generator = generator
    self._params = params
    self._choice = choice
    self._bucket = bucket
    self._made = {}
    self._has_openvino = (
      jax.default_backend() == "cpu"
      and isinstance(generator, inpaint_generator.InpaintGenerator)
      and openvino_backend.is_installed()
    )
    if choice in openvino_backend.PRECISIONS:
      precision = openvino_backend.PRECISIONS[choice]
      self._made[choice, False] = openvino_backend.load(
        generator, params, precision
      )

  def choose(self, height: int, width: int) -> str:
    """Returns the name of the one for a padded size."""
    if self._choice != "auto":
      return self._choice
    is_small = height * width <= _MAX_PIXELS_OF_OPENVINO
    return "openvino" if is_small and self._has_openvino else "jax"

  def get(self, name: str, *, returns_attention: bool = False):
    """Returns the backend of a name, which is made when first asked for."""
    key = name, returns_attention
    if key not in self._made:
      self._made[key] = self._make(*key)
    return self._made[key]

  def _make(self, name, returns_attention):
    generator = self._generator
    if returns_attention:
      generator = generator.clone(returns_attention=True)
    if name == "jax":
      return jax_backend.JaxBackend(
        generator, self._params, bucket=self._bucket
      )
    return openvino_backend.OpenvinoBackend(
      generator, self._params, precision=openvino_backend.PRECISIONS[name]
    )
