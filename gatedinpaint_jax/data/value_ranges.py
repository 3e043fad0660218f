"""Measures the range of values in the pictures that a run trains on."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from gatedinpaint_jax import errors
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import (
  arrays,
  build,
  checks,
  listing,
  photo_files,
  remote,
)

# Pictures that are looked at, at equal distances, and values of each.
_PICTURES, _VALUES = 256, 1 << 16
_KEY = "config.data.range_quantiles"


def fill_in(config: Any, saved: Mapping[str, Any] | None = None) -> Any:
  """Returns a config with `config.data.value_range`, if it is to be measured.

  If `saved`, the config of the run's newest checkpoint, asked for the same
  quantiles, its range is taken, so that pictures may be added to a run.

  Raises:
    UserError: as `measure` does.
  """
  quantiles = tuple(config.data.range_quantiles)
  if not quantiles or len(config.data.value_range):
    return config
  before = (saved or {}).get("data", {})
  config = config.copy_and_resolve_references()
  is_same = tuple(before.get("range_quantiles", ())) == quantiles
  if is_same and before.get("value_range"):
    config.data.value_range = tuple(map(tuple, before["value_range"]))
  else:
    config.data.value_range = measure(config)
  return config


def measure(config: Any) -> tuple[tuple[float, float], ...]:
  """Returns the (low, high) of each channel: `config.data.range_quantiles`.

  Of all known values of up to 256 training pictures, up to 65536 places of
  each. The same config and pictures give the same range.

  Raises:
    UserError: if the pictures cannot be read here, or have no two values.
  """
  if config.data.source == "tfds" or remote.is_url(config.data.path):
    raise errors.UserError(
      f"{_KEY}: measured in local files and arrays alone; state"
      " config.data.value_range instead"
    )
  checks.check(config)
  config = config.copy_and_resolve_references()
  config.data.value_range = (0.0, 1.0)  # any will do to read the pictures
  find = functools.partial(build.find_files, config)
  found, positions = build.select(config, find, validation=False)
  chosen = listing.spread(len(positions), min(len(positions), _PICTURES))
  positions = [positions[i] for i in chosen]
  values = values_lib.from_config(config)
  known, problems = [np.empty((0, values.channels))], []
  for position in positions:
    try:
      pixels, of_picture = _read(found, position, values)
    except errors.UserError as error:  # training bears some of these
      problems.append(str(error))
      continue
    places = pixels.reshape(-1, values.channels)
    places = places[:: -(-len(places) // _VALUES)]
    known.append(places[~of_picture.is_missing(places)].astype(np.float64))
  known = np.concatenate(known)
  if not len(known):
    reason = [*problems, "the pictures have no known value"][0]
    raise errors.UserError(f"{_KEY}: {reason}")
  low, high = np.quantile(known, config.data.range_quantiles, axis=0)
  for channel, (least, most) in enumerate(zip(low, high, strict=True)):
    if not values_lib.is_range(least, most):
      raise errors.UserError(
        f"{_KEY}={tuple(config.data.range_quantiles)}: both are {least:g} in"
        f" channel {channel}; state config.data.value_range instead"
      )
  return tuple((float(a), float(b)) for a, b in zip(low, high, strict=True))


def _read(found, position, values):
  """Returns a picture and its `Values`."""
  if isinstance(found, arrays.Arrays):
    return found.images[position], values
  path = found.photos[position]
  photo = photo_files.read(path)
  with errors.prefixed(f"{path}: "):
    return photo.select(values.channels), photo.values(values)
