"""Fills holes in pictures of any size with the generator of a checkpoint."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import compiler_options, errors
from gatedinpaint_jax.inference import (
  compilation_cache,
  fit_size,
  openvino_backend,
  spread,
)
from gatedinpaint_jax.layers import convolution
from gatedinpaint_jax.training import checkpoint_reader, saved_generator
from gatedinpaint_jax.training import devices as devices_lib

# Of uint8 values: from here on a mask is a hole, above this a sketch is a line.
HOLE_LEVEL = 128
LINE_LEVEL = 153

# What computes the generator.
BACKENDS = ("jax", *openvino_backend.PRECISIONS)

# A compiled program takes 12 MB of memory; on the disk they are all kept.
_MOST_PROGRAMS = 64


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
  Each padded size is compiled once; compiled programs are kept on the disk.

  The devices of this process share the pictures of a batch, as many as divide
  their number; results are those of one device up to rounding. Pictures that
  are too large for one accelerator of several are split by rows, and padded to
  a multiple of 8 rows for each. Cores split `tuned` ones without padding them.

  Example:
    inpainter = Inpainter.from_checkpoint("runs/places2")
    completed = inpainter(image, mask)
  """

  def __init__(
    self,
    generator,
    params,
    *,
    bucket: int = 8,
    backend: str = "jax",
    tuned: bool = False,
  ):
    """Makes an inpainter of a generator; see also `from_checkpoint`.

    Args:
      generator: of `networks.build`.
      params: its parameters.
      bucket: pictures are padded to multiples of this. More than 8 means fewer
        sizes to compile, and results that are not those of the exact size.
      backend: what computes: "jax" on JAX's devices, or on the processor
        "openvino" or "openvino_bf16", whose error is logged.
      tuned: on processors each core of which is a device (JAX_NUM_CPU_DEVICES
        says so before JAX starts), compile each size three times as long for
        programs that take 0.7 to 0.85 of the time, and let cores share the rows
        of a picture. Results are the same up to rounding.

    Raises:
      ValueError: if `bucket` is no positive multiple of 8.
      UserError: if there is no such backend, it is not installed, or cannot be
        tuned.
    """
    errors.check_choice("--backend", backend, BACKENDS)
    if bucket < batch_lib.SIZE_MULTIPLE or bucket % batch_lib.SIZE_MULTIPLE:
      raise ValueError(
        f"bucket={bucket}: must be a multiple of {batch_lib.SIZE_MULTIPLE}"
      )
    self._generator = generator
    self._params = params
    self._params_on = {}  # by the mesh that they lie on
    self._bucket = bucket
    if backend == "jax":
      apply_generator = self._apply_generator
      if tuned:
        apply_generator = convolution.tuned()(apply_generator)
      self._predict = jax.jit(
        spread.over_pictures(apply_generator),
        compiler_options=compiler_options.for_backend(),
      )
      self._spread = functools.partial(
        spread.choose, bucket=bucket, tuned=tuned
      )
      self._devices = len(jax.local_devices())
    elif tuned:
      raise errors.UserError(
        f"--tuned: goes with --backend=jax, not {backend}; leave one out"
      )
    else:
      self._predict = openvino_backend.make_predictor(
        generator, params, openvino_backend.PRECISIONS[backend]
      )
      self._spread = spread.without_devices(openvino_backend.check_fits)
      self._devices = 1
    self._compiled = set()

  @classmethod
  def from_checkpoint(
    cls,
    path,
    *,
    bucket: int = 8,
    backend: str = "jax",
    tuned: bool = False,
  ) -> "Inpainter":
    """Loads the generator of a checkpoint.

    Also turns on JAX's compilation cache, if this process has not chosen one.

    Args:
      path: the workdir of a run, its `checkpoints/` or one step of it.
      bucket: see `__init__`.
      backend: see `__init__`.
      tuned: see `__init__`.

    Raises:
      UserError: if there is no checkpoint or it cannot be read, or the backend
        is not there.
    """
    saved = checkpoint_reader.read(path)
    compilation_cache.enable()
    generator = saved_generator.build_generator(saved)
    return cls(
      generator, saved.generator, bucket=bucket, backend=backend, tuned=tuned
    )

  @property
  def devices(self) -> int:
    """How many pictures are best computed at once: one for each device."""
    return self._devices

  @property
  def guided(self) -> bool:
    """Whether a sketch can guide the fill."""
    return self._generator.guided

  def padded_size(self, height: int, width: int) -> tuple[int, int]:
    """Returns the size at which a picture of this size is computed."""
    return fit_size.padded_size(height, width, bucket=self._bucket)

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
    way = self._spread(len(image), *size)
    self._make_room((len(image), *way))
    padded = [
      None if x is None else fit_size.pad(x, *way.size)
      for x in (image, hole, line)
    ]
    known_size = np.array([height, width], np.int32)
    output = self._run(way.mesh, *padded, known_size)
    # Splitting rows may have padded the picture further.
    rows_of_offsets = output.offsets.shape[1] * size[0] // way.size[0]
    coarse, refined = (
      np.asarray(x)[:, :height, :width] for x in (output.coarse, output.refined)
    )
    return Inpainting(
      image=np.where(hole[..., None], batch_lib.to_uint8(refined), image),
      coarse=coarse,
      refined=refined,
      offsets=np.asarray(output.offsets)[:, :rows_of_offsets],
    )

  def _run(self, mesh, *inputs):
    """Predicts on the devices of a mesh, or by OpenVINO if there is none."""
    if mesh is None:
      return self._predict(None, *inputs)
    *pictures, known_size = inputs
    whole = devices_lib.replicated(mesh)
    if mesh not in self._params_on:
      self._params_on[mesh] = jax.device_put(self._params, whole)
    with jax.set_mesh(mesh):
      return self._predict(
        self._params_on[mesh],
        *jax.device_put(pictures, devices_lib.over_pictures(mesh)),
        jax.device_put(known_size, whole),
      )

  def _make_room(self, shape):
    """Forgets the compiled programs when one more would be too many."""
    if shape not in self._compiled and len(self._compiled) == _MOST_PROGRAMS:
      self._predict.clear_cache()
      self._compiled.clear()
    self._compiled.add(shape)

  def _apply_generator(self, params, pixels, hole, line, known_size):
    """Predicts pictures of one padded size; traced once for each."""
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


def _levels_above(plane, name, level) -> np.ndarray:
  """Returns where a uint8 plane is above a level; bool stays as it is."""
  plane = np.asarray(plane)
  if plane.dtype == bool:
    return plane
  if plane.dtype != np.uint8:
    raise ValueError(f"{name} is {plane.dtype}; it must be uint8 or bool")
  return plane > level
