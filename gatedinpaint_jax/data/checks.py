"""Rejects invalid values in the data sections of a config."""

from typing import Any

from gatedinpaint_jax import batch, config_ranges, errors, values
from gatedinpaint_jax.data import hole_shapes, recipe

SOURCES = ("tfds", "folder", "file_list", "arrays")


def check(config: Any) -> None:
  """Raises UserError for the first invalid value of the data sections."""
  config_ranges.check(config)
  data, mask = config.data, config.mask
  errors.check_choice("config.data.source", data.source, SOURCES)
  errors.check_choice("config.data.resize", data.resize, recipe.RESIZES)
  errors.check_choice("config.mask.kind", mask.kind, hole_shapes.KINDS)
  check_given("config.data.path", data.path)
  _check_values(config)
  _check_image_size(data.image_size)
  _check_guidance(config)
  _check_holes(mask, data.image_size)


def check_given(key: str, value: str | None) -> None:
  """Raises UserError if a path was left out."""
  if not value:
    raise errors.UserError(f"{key}={value!r}: must name the pictures to read")


def _check_values(config):
  values.from_config(config)
  data, channels = config.data, config.model.channels
  quantiles, shown = tuple(data.range_quantiles), tuple(data.shown_channels)
  key = f"config.data.range_quantiles={quantiles}"
  if quantiles and not (len(quantiles) == 2 and quantiles[0] < quantiles[1]):
    raise errors.UserError(
      f"{key}: must be (low, high), such as (0.001, 0.999)"
    )
  is_valid = all(isinstance(x, int) and 0 <= x < channels for x in shown)
  if len(shown) not in (0, 1, 3) or not is_valid:
    raise errors.UserError(
      f"config.data.shown_channels={shown}: must be one or three of the"
      f" {channels} channels, from 0"
    )


def _check_image_size(image_size):
  size = tuple(image_size)
  key = f"config.data.image_size={size}"
  if len(size) != 2 or not all(isinstance(side, int) for side in size):
    raise errors.UserError(f"{key}: must be (height, width), whole numbers")
  for side in size:
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


def _check_holes(mask, image_size):
  for name, kind in (
    ("count", int),
    ("vertices", int),
    ("brush_width", (int, float)),
  ):
    bounds = tuple(mask.strokes[name])
    if not _is_pair(bounds, kind) or not bounds[0] <= bounds[1]:
      numbers = ", whole numbers" if kind is int else ""
      raise errors.UserError(
        f"config.mask.strokes.{name}={bounds}: must be (least, most){numbers}"
      )
  for name in ("size", "max_shrink"):
    pair = tuple(mask.boxes[name])
    if not _is_pair(pair, (int, float)):
      raise errors.UserError(
        f"config.mask.boxes.{name}={pair}: must be fractions of (height, width)"
      )
  for side, shrink, length in zip(
    mask.boxes.size, mask.boxes.max_shrink, image_size, strict=True
  ):
    # As `hole_shapes.Boxes` rounds them: a box must keep a pixel.
    if 2 * round(shrink * length) >= round(side * length):
      raise errors.UserError(
        f"config.mask.boxes.size={tuple(mask.boxes.size)} leaves no hole with"
        f" config.mask.boxes.max_shrink={tuple(mask.boxes.max_shrink)}; must be"
        " above twice of it"
      )


def _is_pair(values, kind) -> bool:
  return len(values) == 2 and all(isinstance(value, kind) for value in values)
