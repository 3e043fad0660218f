"""Rejects invalid values in a config's data sections, before reading anything.

Only this module and `build.py` see a ConfigDict.
"""

from typing import Any

from gatedinpaint_jax import batch, errors
from gatedinpaint_jax.data import hole_shapes, recipe

SOURCES = ("tfds", "folder", "file_list", "arrays")


def check(config: Any) -> None:
  """Raises UserError for the first invalid value of the data sections."""
  data, mask = config.data, config.mask
  errors.check_choice("config.data.source", data.source, SOURCES)
  errors.check_choice("config.data.resize", data.resize, recipe.RESIZES)
  errors.check_choice("config.mask.kind", mask.kind, hole_shapes.KINDS)
  check_given("config.data.path", data.path)
  _check_image_size(data.image_size)
  _check_guidance(config)
  for key, value, least in (
    ("config.data.batch_size", data.batch_size, 1),
    ("config.data.shuffle_buffer", data.shuffle_buffer, 1),
    ("config.evaluation.batch_size", config.evaluation.batch_size, 1),
    ("config.evaluation.pictures", config.evaluation.pictures, 0),
    ("config.evaluation.strips", config.evaluation.strips, 1),
    ("config.evaluation.seed", config.evaluation.seed, 0),
    ("config.seed", config.seed, 0),
  ):
    if value is None or value < least:
      raise errors.UserError(f"{key}={value}: must be {least} or more")
  for name in ("sketch_threshold", "sketch_drop_probability"):
    if not 0 <= data[name] <= 1:
      raise errors.UserError(
        f"config.data.{name}={data[name]}: must lie in [0, 1]"
      )
  _check_holes(mask)


def check_given(key: str, value: str | None) -> None:
  """Raises UserError if a path was left out."""
  if not value:
    raise errors.UserError(f"{key}={value!r}: must name the pictures to read")


def _check_image_size(image_size):
  size = tuple(image_size)
  key = f"config.data.image_size={size}"
  if len(size) != 2 or not all(isinstance(side, int) for side in size):
    raise errors.UserError(f"{key}: must be (height, width), whole numbers")
  for side in size:
    if side < batch.SIZE_MULTIPLE:
      raise errors.UserError(
        f"{key}: {side} is too small; {batch.SIZE_MULTIPLE} is the least"
      )
    if side % batch.SIZE_MULTIPLE:
      below = side - side % batch.SIZE_MULTIPLE
      raise errors.UserError(
        f"{key}: {side} is not a multiple of {batch.SIZE_MULTIPLE}; {below} or"
        f" {below + batch.SIZE_MULTIPLE} would be"
      )


def _check_guidance(config):
  sketch = config.data.sketch
  if config.model.guided and sketch is None:
    raise errors.UserError(
      "config.data.sketch=None: config.model.guided needs sketches; set it to"
      f" one of {', '.join(recipe.SKETCHES)}"
    )
  if sketch is None:
    return
  errors.check_choice("config.data.sketch", sketch, recipe.SKETCHES)
  if not config.model.guided:
    raise errors.UserError(
      f"config.data.sketch={sketch!r}: config.model.guided=False takes no"
      " sketches; set it to True or leave data.sketch out"
    )
  if config.data.source == "tfds" and sketch == "files":
    raise errors.UserError(
      "config.data.sketch='files': config.data.source='tfds' has no sketch"
      " files; use 'edges', or source='folder'"
    )


def _check_holes(mask):
  for name, least, kind in (
    ("count", 1, int),
    ("vertices", 1, int),
    ("brush_width", 0, (int, float)),
  ):
    bounds = tuple(mask.strokes[name])
    if not _is_pair(bounds, kind) or not least <= bounds[0] <= bounds[1]:
      numbers = "whole numbers, " if kind is int else ""
      raise errors.UserError(
        f"config.mask.strokes.{name}={bounds}: must be (least, most), {numbers}"
        f"both {least} or more"
      )
  for name in ("size", "max_shrink"):
    pair = tuple(mask.boxes[name])
    if not _is_pair(pair, (int, float)):
      raise errors.UserError(
        f"config.mask.boxes.{name}={pair}: must be fractions of (height, width)"
      )
  for side, shrink in zip(mask.boxes.size, mask.boxes.max_shrink, strict=True):
    if not 0 <= 2 * shrink < side <= 1:
      raise errors.UserError(
        f"config.mask.boxes: size {side} and max_shrink {shrink} must have"
        " 0 <= 2 * max_shrink < size <= 1"
      )


def _is_pair(values, kind) -> bool:
  return len(values) == 2 and all(isinstance(value, kind) for value in values)
