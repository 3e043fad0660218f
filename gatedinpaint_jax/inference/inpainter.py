"""Fills holes in pictures of any size with the generator of a checkpoint."""

import copy
import pathlib
from typing import NamedTuple

import numpy as np

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.inference import (
  backends,
  compilation_cache,
  detail,
  fit_size,
  large_pictures,
)
from gatedinpaint_jax.networks import inpaint_generator
from gatedinpaint_jax.training import checkpoint_reader


class Inpainting(NamedTuple):
  """A completed picture or batch, with what the networks predicted."""

  image: np.ndarray  # `[..., H, W, C]`, the picture with its hole filled
  # `[..., H, W, C] float32 in [-1, 1]`, prediction of the coarse network, known
  # pixels included; None for a large picture that is not filled exactly.
  coarse: np.ndarray | None
  # The same of the refinement network, which fills the hole. Where a large
  # picture was not computed, 0.
  refined: np.ndarray
  # `[..., ceil(H/8), ceil(W/8), 2] int32`, where the attention copied from, in
  # (rows, columns) of that grid; None as `coarse` is.
  offsets: np.ndarray | None


class Inpainter:
  """Fills holes in pictures: `inpainter(image, mask)`.

  Pictures are padded to the next multiple of 8 and the result is cropped back.
  Each padded size is compiled once; compiled programs are cached on disk. Large
  pictures are filled in parts or at a smaller size; see `large_pictures`.

  Example:
    inpainter = Inpainter.from_checkpoint("runs/places2")
    completed = inpainter(image, mask)
  """

  def __init__(
    self,
    generator,
    params,
    *,
    values: values_lib.Values = values_lib.PHOTOGRAPHS,
    bucket: int = 8,
    backend: str = "auto",
    large: str = "auto",
    source: str = "the model",
  ):
    """Makes an inpainter of a generator; see also `from_checkpoint`.

    Args:
      generator: from `build.build_networks`.
      params: its parameters.
      values: of the pictures that it was trained on.
      bucket: pictures are padded to multiples of this. Above 8, fewer sizes are
        compiled, but results differ from those of the exact size.
      backend: "jax" computes on JAX's devices, "openvino" and "openvino_bf16"
        on the CPU, the latter with an error that is logged. "auto" chooses
        "openvino" if it is installed, JAX has no accelerator and the padded
        picture has at most 512 x 512 pixels, else "jax".
      large: how large pictures are filled, a choice of `large_pictures`.
      source: where the parameters come from, for errors.

    Raises:
      ValueError: if `bucket` is not a positive multiple of 8.
      UserError: if a choice is unknown, or the backend is not installed.
    """
    self._generator = generator
    large_pictures.check_choice(large, has_attention=self.has_attention)
    if large == "auto" and not self.has_attention:
      large = "exact"  # its time grows with the area alone
    if bucket < batch_lib.SIZE_MULTIPLE or bucket % batch_lib.SIZE_MULTIPLE:
      raise ValueError(
        f"bucket={bucket}: must be a multiple of {batch_lib.SIZE_MULTIPLE}"
      )
    # The folder of the step, if there is one.
    self.checkpoint: pathlib.Path | None = None
    self.values = values
    self._source = source
    self._bucket = bucket
    self._large = large
    self._backends = backends.Backends(
      generator, params, backend, bucket=bucket
    )

  @classmethod
  def from_checkpoint(
    cls, path, *, bucket: int = 8, backend: str = "auto", large: str = "auto"
  ) -> "Inpainter":
    """Loads the generator of a checkpoint; see `__init__` for the options.

    Also turns on JAX's compilation cache, unless this process has chosen one.
    The path is the workdir of a run, its `checkpoints/` or one step of it.

    Raises:
      UserError: if the checkpoint cannot be read, the backend is not installed
        or the model cannot fill large pictures as chosen.
    """
    saved = checkpoint_reader.read(path)
    compilation_cache.enable()
    generator = checkpoint_reader.build_generator(saved)
    model = cls(
      generator,
      saved.generator,
      values=values_lib.from_config(saved.config),
      bucket=bucket,
      backend=backend,
      large=large,
      source=str(saved.folder),
    )
    model.checkpoint = saved.folder
    return model

  def with_values(self, values: values_lib.Values) -> "Inpainter":
    """Returns one for other values, of as many channels and the same range."""
    other = copy.copy(self)
    other.values = values
    return other

  @property
  def devices(self) -> int:
    """The best number of small pictures to compute at once."""
    return self._backends.get(self.backend_for(1, 1)).devices

  @property
  def has_attention(self) -> bool:
    """Whether large pictures can be filled with detail."""
    return isinstance(self._generator, inpaint_generator.InpaintGenerator)

  @property
  def guided(self) -> bool:
    """Whether the model takes a sketch."""
    return self._generator.guided

  def padded_size(self, height: int, width: int) -> tuple[int, int]:
    """Returns the size at which a picture is computed."""
    return fit_size.round_up((height, width), self._bucket)

  def backend_for(self, height: int, width: int) -> str:
    """Returns the backend that fills a picture of this size."""
    return self._backends.choose(*self.padded_size(height, width))

  def plan(self, hole: np.ndarray) -> large_pictures.Plan:
    """Returns how a picture with a hole `[H, W] bool` is filled."""
    return large_pictures.choose(hole, self._large)

  def takes_batches(self, height: int, width: int) -> bool:
    """Returns whether pictures of a size are computed together."""
    return large_pictures.is_exact((height, width), self._large)

  def __call__(
    self,
    image: np.ndarray,
    mask: np.ndarray | None = None,
    sketch: np.ndarray | None = None,
    *,
    return_details: bool = False,
  ) -> np.ndarray | Inpainting:
    """Fills the hole of a picture, or the holes of a batch of pictures.

    Args:
      image: `[H, W, C]` or `[B, H, W, C]`; H and W from 1 up. RGB in uint8,
        unless `values` says otherwise; also in uint16 or int16, and float32 if
        its range is known.
      mask: `[H, W]` or `[B, H, W]`, uint8 where 128 and above is hole, or bool.
        None: fill the missing values of the picture, which are never a source.
      sketch: shaped like `mask`, uint8 where above 153 is line, or bool. Lines
        outside the hole are ignored. Optional, and only for guided models.
      return_details: return an `Inpainting` instead of only the picture.

    Returns:
      The completed picture or batch, of the type of `image`. Pixels outside the
      mask are identical, also if their values are missing; filled ones are
      rounded.

    Raises:
      ValueError: if shapes or types do not match.
      UserError: if the picture needs more memory than is free, or a prediction
        is not finite.
    """
    image = np.asarray(image)
    self._check_image(image)
    if mask is None:
      if self.values.are_levels:
        raise ValueError("mask is None, but photographs have no missing values")
      mask = self.values.is_missing(image)
    hole = _above(mask, "mask", batch_lib.HOLE_LEVEL - 1)
    line = np.zeros_like(hole) if self.guided else None
    if sketch is not None:
      line = _above(sketch, "sketch", batch_lib.LINE_LEVEL)
    self._check_planes(image, hole, line)
    if not hole.any() and not return_details:
      return image.copy()
    is_single = image.ndim == 3
    if is_single:
      image, hole = image[None], hole[None]
      line = None if line is None else line[None]
    if self.takes_batches(*hole.shape[1:]):
      result = self._fill(image, hole, line)
    else:
      result = self._fill_large(image, hole, line)
    if is_single:
      result = Inpainting(*(x if x is None else x[0] for x in result))
    return result if return_details else result.image

  def _check_image(self, image):
    channels, dtypes = self.values.channels, values_lib.DTYPES
    if not self.values.ranges:
      dtypes = [t for t in dtypes if t != np.float32]  # of unknown range
    if image.dtype not in dtypes or image.ndim not in (3, 4):
      names = ", ".join(np.dtype(t).name for t in dtypes)
      raise ValueError(
        f"image is {image.dtype} {image.shape}; must be {names}, [H, W, "
        f"{channels}] or [B, H, W, {channels}]"
      )
    if image.shape[-1] != channels or not image.size:
      raise ValueError(
        f"image {image.shape} must be [..., H, W, {channels}], not empty"
      )

  def _check_planes(self, image, hole, line):
    for name, plane in (("mask", hole), ("sketch", line)):
      if plane is not None and plane.shape != image.shape[:-1]:
        raise ValueError(f"{name} {plane.shape} must be {image.shape[:-1]}")
    if line is not None and not self.guided:
      raise ValueError("sketch given, but this model is not guided")

  def _fill(self, image, hole, line):
    """Completes batches `[B, H, W, C]` and `[B, H, W] bool`."""
    height, width = image.shape[1:3]
    size = self.padded_size(height, width)
    backend = self._backends.get(self.backend_for(height, width))
    output = backend.predict(*self._to_predict(image, hole), line, size)
    coarse, refined = (
      np.asarray(x)[:, :height, :width] for x in (output.coarse, output.refined)
    )
    self._check_finite(refined[hole])
    # Devices that share rows may have padded the picture further.
    scale = output.refined.shape[1] // output.offsets.shape[1]
    return Inpainting(
      image=np.where(
        hole[..., None], self.values.restore(refined, image.dtype), image
      ),
      coarse=coarse,
      refined=refined,
      offsets=np.asarray(output.offsets)[:, : size[0] // scale],
    )

  def _fill_large(self, image, hole, line):
    """Does what `_fill` does, one picture after the other and part by part."""
    refined = np.zeros(image.shape, np.float32)
    for index in range(len(image)):
      for part in self.plan(hole[index]).parts:
        at = (slice(index, index + 1), *part.window)
        given = image[at], hole[at], None if line is None else line[at]
        if part.factor == 1:
          refined[at] = self._fill(*given).refined
        else:
          refined[at] = self._fill_with_detail(*given, part)
    filled = self.values.restore(refined, image.dtype)
    image = np.where(hole[..., None], filled, image)
    return Inpainting(image, None, refined, None)

  def _fill_with_detail(self, image, hole, line, part):
    """Predicts a picture `[1, H, W, C]` that is reduced."""
    image = self.values.normalize(np.ascontiguousarray(image[0]))
    missing = np.isnan(image).any(axis=-1)
    name = self.backend_for(*part.size)
    backend = self._backends.get(name, returns_attention=True)
    size = fit_size.round_up(part.size)  # the bucket might be larger
    refined = detail.fill(
      lambda *reduced: backend.predict(*reduced, size),
      np.where(missing[..., None], np.float32(0), image),
      hole[0] | missing,
      None if line is None else line[0],
      part.factor,
    )
    self._check_finite(refined[hole[0]])
    return refined

  def _check_finite(self, predicted):
    if not np.isfinite(predicted).all():
      raise errors.UserError(
        f"{self._source} predicts values that are not finite, so that nothing "
        "can be filled; name another step or checkpoint"
      )

  def _to_predict(self, image, hole):
    """Returns the pictures as a backend takes them, and all that is unknown."""
    if self.values.are_levels and image.dtype == np.uint8:
      return image, hole
    image = self.values.normalize(image)
    missing = np.isnan(image).any(axis=-1)
    return np.where(missing[..., None], np.float32(0), image), hole | missing


def _above(plane, name, level) -> np.ndarray:
  """Returns where a uint8 plane is above a level; bool is returned as is."""
  plane = np.asarray(plane)
  if plane.dtype == bool:
    return plane
  if plane.dtype != np.uint8:
    raise ValueError(f"{name} is {plane.dtype}; must be uint8 or bool")
  if name == "mask" and plane.ndim > 1:
    highest = np.atleast_1d(plane.max(axis=(-2, -1), initial=0))
    if (labels := highest[(highest > 0) & (highest <= level)]).any():
      raise ValueError(
        f"mask has values up to {labels.max()} only; hole is {level + 1} and "
        "above, or True in bool"
      )
  return plane > level
