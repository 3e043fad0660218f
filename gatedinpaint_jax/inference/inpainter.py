"""Fills holes in pictures of any size with the generator of a checkpoint."""

import math
from typing import NamedTuple

import jax
import numpy as np

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors
from gatedinpaint_jax.inference import (
  compilation_cache,
  fit_size,
  jax_backend,
  openvino_backend,
)
from gatedinpaint_jax.training import checkpoint_reader

# Of uint8 values: from here on a mask is a hole, above this a sketch is a line.
HOLE_LEVEL = 128
LINE_LEVEL = 153

# What computes the generator.
BACKENDS = ("auto", "jax", *openvino_backend.PRECISIONS)
# Of a padded picture that `auto` gives to OpenVINO. In larger ones the
# attention holds too many scores at once.
_MOST_PIXELS_OF_OPENVINO = 512 * 512


class Inpainting(NamedTuple):
  """A completed picture, or a batch of them, and what it was made of.

  Attributes:
    image: `[..., H, W, 3] uint8`, the picture with its hole filled.
    coarse: `[..., H, W, 3] float32 in [-1, 1]`, what the coarse network
      predicts, known pixels too.
    refined: the same of the refinement network; `image` has it in the hole.
    offsets: `[..., ceil(H/8), ceil(W/8), 2] int32`, where the attention copied
      from, in (rows, columns) of that grid.
  """

  image: np.ndarray
  coarse: np.ndarray
  refined: np.ndarray
  offsets: np.ndarray


class Inpainter:
  """Fills holes in pictures: `inpainter(image, mask)`.

  Pictures are padded to the next multiple of 8 and the result is cropped back.
  Each padded size is compiled once; compiled programs are kept on disk.

  Example:
    inpainter = Inpainter.from_checkpoint("runs/places2")
    completed = inpainter(image, mask)
  """

  def __init__(
    self, generator, params, *, bucket: int = 8, backend: str = "auto"
  ):
    """Makes an inpainter of a generator; see also `from_checkpoint`.

    Args:
      generator: of `build.build_networks`.
      params: its parameters.
      bucket: pictures are padded to multiples of this. More than 8 means fewer
        sizes to compile, and results that are not those of the exact size.
      backend: what computes: "jax" on JAX's devices, "openvino" or
        "openvino_bf16" on the processor, the latter with an error that is
        logged. "auto" takes "openvino" where it is installed, JAX has no
        accelerator and the padded picture has at most 512 x 512 pixels, else
        "jax".

    Raises:
      ValueError: if `bucket` is not a positive multiple of 8.
      UserError: if there is no such backend or it is not installed.
    """
    errors.check_choice("backend", backend, BACKENDS)
    if bucket < batch_lib.SIZE_MULTIPLE or bucket % batch_lib.SIZE_MULTIPLE:
      raise ValueError(
        f"bucket={bucket}: must be a multiple of {batch_lib.SIZE_MULTIPLE}"
      )
    self._generator = generator
    self._bucket = bucket
    self._choice = backend
    self._backends = {
      "jax": jax_backend.JaxBackend(generator, params, bucket=bucket)
    }
    if backend in openvino_backend.PRECISIONS:
      self._backends[backend] = openvino_backend.load(
        generator, params, openvino_backend.PRECISIONS[backend]
      )
    if backend == "auto" and jax.default_backend() == "cpu":
      found = openvino_backend.load_if_installed(generator, params)
      if found is not None:
        self._backends["openvino"] = found

  @classmethod
  def from_checkpoint(
    cls, path, *, bucket: int = 8, backend: str = "auto"
  ) -> "Inpainter":
    """Loads the generator of a checkpoint.

    Also turns on JAX's compilation cache, if this process has not chosen one.

    Args:
      path: the workdir of a run, its `checkpoints/` or one step of it.
      bucket: see `__init__`.
      backend: see `__init__`.

    Raises:
      UserError: if there is no checkpoint or it cannot be read, or the backend
        is not installed.
    """
    saved = checkpoint_reader.read(path)
    compilation_cache.enable()
    generator = checkpoint_reader.build_generator(saved)
    return cls(generator, saved.generator, bucket=bucket, backend=backend)

  @property
  def devices(self) -> int:
    """How many pictures are best computed at once."""
    name = self._choice
    if name == "auto":
      name = "openvino" if "openvino" in self._backends else "jax"
    return self._backends[name].devices

  @property
  def guided(self) -> bool:
    """Whether a sketch can guide the fill."""
    return self._generator.guided

  def padded_size(self, height: int, width: int) -> tuple[int, int]:
    """Returns the size at which a picture of this size is computed."""
    return fit_size.padded_size(height, width, bucket=self._bucket)

  def backend_for(self, height: int, width: int) -> str:
    """Returns the backend that fills a picture of this size."""
    if self._choice != "auto":
      return self._choice
    pixels = math.prod(self.padded_size(height, width))
    is_small = pixels <= _MOST_PIXELS_OF_OPENVINO
    return "openvino" if is_small and "openvino" in self._backends else "jax"

  def __call__(
    self,
    image: np.ndarray,
    mask: np.ndarray,
    sketch: np.ndarray | None = None,
    *,
    return_details: bool = False,
  ) -> np.ndarray | Inpainting:
    """Fills the hole of a picture, or those of a batch of pictures.

    Args:
      image: `[H, W, 3]` or `[B, H, W, 3]` uint8, RGB; H and W from 1 up.
      mask: `[H, W]` or `[B, H, W]`, uint8 where 128 and above is hole, or bool.
      sketch: of the shape of `mask`, uint8 where above 153 is a line, or bool;
        lines outside the hole are not used. Only for guided models, which fill
        without one too.
      return_details: return an `Inpainting` instead of the picture alone.

    Returns:
      The picture or pictures, uint8, of the size that came in. Known pixels are
      those of `image`, filled ones are rounded.

    Raises:
      ValueError: if shapes or types do not fit.
      UserError: if the picture needs more memory than there is.
    """
    hole = _levels_above(mask, "mask", HOLE_LEVEL - 1)
    line = None
    if self.guided:
      line = np.zeros_like(hole)
    if sketch is not None:
      line = _levels_above(sketch, "sketch", LINE_LEVEL)
    self._check(image, hole, line)
    if not hole.any() and not return_details:
      return image.copy()
    is_single = image.ndim == 3
    arrays = [x if x is None else x[None] for x in (image, hole, line)]
    result = self._fill(*(arrays if is_single else (image, hole, line)))
    if is_single:
      result = Inpainting(*(x[0] for x in result))
    return result if return_details else result.image

  def _check(self, image, hole, line):
    if image.dtype != np.uint8 or image.ndim not in (3, 4):
      raise ValueError(
        f"image is {image.dtype} {image.shape}; it must be uint8, [H, W, 3] or "
        "[B, H, W, 3]"
      )
    if image.shape[-1] != 3 or not image.size:
      raise ValueError(f"image {image.shape} must be [..., H, W, 3], none 0")
    for name, plane in (("mask", hole), ("sketch", line)):
      if plane is not None and plane.shape != image.shape[:-1]:
        raise ValueError(f"{name} {plane.shape} must be {image.shape[:-1]}")
    if line is not None and not self.guided:
      raise ValueError("this checkpoint's model is not guided: no sketch")

  def _fill(self, image, hole, line):
    """Completes batches `[B, H, W, 3] uint8` and `[B, H, W] bool`."""
    height, width = image.shape[1:3]
    size = self.padded_size(height, width)
    backend = self._backends[self.backend_for(height, width)]
    output = backend.predict(image, hole, line, size)
    coarse, refined = (
      np.asarray(x)[:, :height, :width] for x in (output.coarse, output.refined)
    )
    # Splitting rows over devices may have padded the picture further.
    scale = output.refined.shape[1] // output.offsets.shape[1]
    return Inpainting(
      image=np.where(hole[..., None], batch_lib.to_uint8(refined), image),
      coarse=coarse,
      refined=refined,
      offsets=np.asarray(output.offsets)[:, : size[0] // scale],
    )


def _levels_above(plane, name, level) -> np.ndarray:
  """Returns where a uint8 plane is above a level; bool stays as it is."""
  plane = np.asarray(plane)
  if plane.dtype == bool:
    return plane
  if plane.dtype != np.uint8:
    raise ValueError(f"{name} is {plane.dtype}; it must be uint8 or bool")
  return plane > level
