"""Runs the generator with JAX, on the devices of this process."""

import jax
import jax.numpy as jnp
import numpy as np

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import compiler_options
from gatedinpaint_jax.inference import fit_size, spread
from gatedinpaint_jax.networks import inpaint_generator
from gatedinpaint_jax.training import devices as devices_lib

# A compiled program takes 12 MB of memory; the disk cache keeps all.
MAX_PROGRAMS = 64


class JaxBackend:
  """Predicts batches of pictures.

  The devices share the pictures of a batch; results equal those of one device
  up to rounding. Pictures too large for one of several accelerators are split
  by rows; see `spread`.
  """

  def __init__(self, generator, params, *, bucket: int = 8):
    """Takes the same as `Inpainter`; the first batch of a size compiles."""
    self._generator = generator
    self._params = params
    self._params_on = {}  # {mesh: parameters}
    self._bucket = bucket
    self._predict = jax.jit(
      spread.over_pictures(self._apply_generator),
      compiler_options=compiler_options.for_backend(),
    )
    self._compiled = set()

  @property
  def devices(self) -> int:
    """The best number of pictures to compute at once: one per device."""
    return len(jax.local_devices())

  def predict(
    self, image, hole, line, size: tuple[int, int]
  ) -> inpaint_generator.GeneratorOutput:
    """Predicts pictures, padded to `size` or further.

    Takes `[B, H, W, C]`, uint8 levels or float32 in [-1, 1], a hole `[B, H, W]
    bool`, and lines of the same shape or None.
    """
    layout = spread.choose(len(image), *size, bucket=self._bucket)
    self._make_room((image.dtype, len(image), *layout))
    pictures = [
      None if x is None else fit_size.pad(x, *layout.size)
      for x in (image, hole, line)
    ]
    mesh = layout.mesh
    everywhere = devices_lib.replicated(mesh)
    if mesh not in self._params_on:
      self._params_on[mesh] = jax.device_put(self._params, everywhere)
    known_size = np.array(image.shape[1:3], np.int32)
    with jax.set_mesh(mesh):
      return self._predict(
        self._params_on[mesh],
        *jax.device_put(pictures, devices_lib.over_pictures(mesh)),
        jax.device_put(known_size, everywhere),
      )

  def _make_room(self, shape):
    """Drops all compiled programs if a new one would exceed the limit."""
    if shape not in self._compiled and len(self._compiled) == MAX_PROGRAMS:
      self._predict.clear_cache()
      self._compiled.clear()
    self._compiled.add(shape)

  def _apply_generator(self, params, pixels, hole, line, known_size):
    """Predicts pictures of one padded size; traced once per size."""
    image = pixels
    if pixels.dtype == jnp.uint8:
      image = batch_lib.from_uint8(pixels.astype(jnp.float32))
    mask = hole[..., None].astype(jnp.float32)
    sketch = None if line is None else (line & hole)[..., None]
    rows, columns = (jnp.arange(side) for side in pixels.shape[1:3])
    is_padding = (rows >= known_size[0])[:, None] | (columns >= known_size[1])[
      None, :
    ]
    return self._generator.apply(
      {"params": params},
      batch_lib.erase(image, mask),
      mask,
      None if sketch is None else sketch.astype(jnp.float32),
      padding=is_padding[None, :, :, None].astype(jnp.float32),
    )
