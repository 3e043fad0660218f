"""From a config to batches: the one place here that reads ConfigDicts.

TensorFlow is loaded only for sources that need it, that is, not for arrays.
"""

import dataclasses
import functools
import os
import posixpath
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import (
  arrays,
  checks,
  hole_shapes,
  listing,
  recipe,
  remote,
)

_PATH = "config.data.path"
_VALIDATION_PATH = "config.data.validation_path"


class Found(NamedTuple):
  """The pictures of a config."""

  training: int  # how many there are to train on
  # Returns an endless iterator over training batches as they travel to the
  # devices (`batch.to_float`), photographs in uint8; takes the fields of
  # `recipe.Rows` as keyword arguments, except the batch size. Raises UserError
  # if the processes do not divide a batch, and the iterator does if too many
  # pictures cannot be read.
  batches: Callable[..., Iterator[batch_lib.Batch]]
  # The same pictures with the same holes every time and in every process:
  # cropped in the centre, not mirrored, with their sketches. The last batch may
  # be short.
  validation: list[batch_lib.Batch]


def find_pictures(config: Any) -> Found:
  """Checks a config, lists its pictures and reads those for validation.

  The config is complete, as `configs/places2.py`. Without a path in it for
  validation, training leaves out `config.evaluation.pictures` pictures to
  validate on, at equal distances in the list, at most a quarter of it. Their
  holes follow from `config.evaluation.seed`.

  Raises:
    UserError: if a value cannot be used, there are no pictures, or too few to
      hold any out.
  """
  checks.check(config)
  # Pictures to train on and to validate on may come from the same listing.
  find = functools.cache(functools.partial(find_files, config))
  holes = list_holes(config.mask)
  training = _open(config, find, holes, validation=False)
  validation, wanted = [], config.evaluation.pictures
  if wanted:
    pictures = _open(config, find, holes, validation=True)
    batches = pictures.first(wanted, config.evaluation.batch_size)
    validation = [batch_lib.to_float(batch) for batch in batches]
  return Found(
    len(training), functools.partial(_stream, config, training), validation
  )


def _stream(config, pictures, **part) -> Iterator[batch_lib.Batch]:
  rows = recipe.Rows(batch_size=config.data.batch_size, **part)
  if rows.batch_size % rows.process_count:
    raise errors.UserError(
      f"config.data.batch_size={rows.batch_size}: must be a multiple of the"
      f" {rows.process_count} processes"
    )
  return pictures.stream(rows)


def find_files(config: Any, path: str) -> listing.Files | arrays.Arrays:
  """Lists the files at a path, or loads the arrays there."""
  paired = config.model.guided and config.data.sketch == "files"
  if config.data.source == "arrays":
    size = tuple(config.data.image_size)
    values = values_lib.from_config(config)
    return arrays.load(path, size=size, paired=paired, values=values)
  if config.data.source == "folder":
    return listing.find_in_folder(path, paired=paired)
  return listing.read_file_list(path, paired=paired)


def _open(config, find, holes, *, validation):
  """Returns the `ArrayPictures` or `Pipeline` to train or to validate on."""
  data, steps = config.data, _recipe(config, holes, validation=validation)
  key, path = _place(data, validation)
  if data.source == "tfds":
    return _open_tfds(config, steps, key, path, validation)
  found, positions = select(config, find, validation=validation)
  if data.source == "arrays":
    return arrays.ArrayPictures(found, positions, steps, shuffle=data.shuffle)
  errors.check_installed("tensorflow", extra="train")
  # TensorFlow takes seven seconds to load, so find mistakes before.
  from gatedinpaint_jax.data import pipeline, sources

  pipeline.keep_off_accelerators()
  source = sources.FileSource(
    found.select(positions), seed=steps.seed, shuffle=data.shuffle
  )
  return pipeline.Pipeline(source, steps, key=key)


def select(
  config: Any, find: Callable[[str], Any], *, validation: bool
) -> tuple[Any, Sequence[int]]:
  """Returns what `find_files` finds, and the positions that are used of it."""
  key, path = _place(config.data, validation)
  with errors.prefixed(f"{key}: "):
    found = find(path)
  return found, _positions(config, len(found[0]), validation)


def _place(data, validation) -> tuple[str, str]:
  """Returns the config key of the pictures, and their path."""
  if validation and data.validation_path is not None:
    return _VALIDATION_PATH, os.path.expanduser(data.validation_path)
  return _PATH, os.path.expanduser(data.path)


def _open_tfds(config, steps, key, name, validation):
  errors.check_installed("tensorflow_datasets", extra="train")
  from gatedinpaint_jax.data import pipeline, tfds_source

  pipeline.keep_off_accelerators()
  data = config.data
  if remote.is_url(data.tfds_dir or ""):
    # Or TensorFlow Datasets reports what it cannot reach in ten lines, after
    # minutes.
    url = posixpath.join(data.tfds_dir, name.partition(":")[0])
    with errors.prefixed("config.data.tfds_dir: "):
      remote.exists(url)
  with errors.prefixed(f"{key}: "):
    source = tfds_source.TfdsSource(
      name,
      split=data.validation_split if validation else data.train_split,
      folder=data.tfds_dir,
      seed=steps.seed,
      shuffle_buffer=data.shuffle_buffer if data.shuffle else 0,
    )
  return pipeline.Pipeline(source, steps, key=key)


def _positions(config, total, validation) -> Sequence[int]:
  """Returns which pictures of a list to use; at least one."""
  wanted = config.evaluation.pictures
  if config.data.validation_path is not None:
    used = min(wanted, total) if validation else total
    return listing.spread(total, used)
  training, held_out = listing.hold_out(total, wanted)
  if validation and not held_out:
    raise errors.UserError(
      f"{_PATH}: the {total} pictures of {config.data.path} are too few to"
      f" hold any out; set {_VALIDATION_PATH}, or config.evaluation.pictures"
      " to 0"
    )
  return held_out if validation else training


def _recipe(config, holes, *, validation) -> recipe.Recipe:
  """Returns what happens to each picture, as plain values."""
  data = config.data
  framing = recipe.Framing(
    size=tuple(data.image_size),
    resize=data.resize,
    antialias=data.antialias,
    random_crop=data.random_crop and not validation,
    flip=data.flip and not validation,
  )
  sketching = None
  if config.model.guided:
    sketching = recipe.Sketching(
      kind=data.sketch,
      threshold=data.sketch_threshold,
      drop_probability=0.0 if validation else data.sketch_drop_probability,
    )
  seed = config.evaluation.seed if validation else config.seed
  values = values_lib.from_config(config)
  return recipe.Recipe(seed, framing, holes, sketching, values)


def list_holes(mask: Any) -> hole_shapes.Holes:
  """Returns how masks are made, with the mask files listed."""
  paths = ()
  if mask.kind == "files":
    checks.check_given("config.mask.path", mask.path)
    folder = os.path.expanduser(mask.path)
    with errors.prefixed("config.mask.path: "):
      paths = listing.find_in_folder(folder).photos
  return hole_shapes.Holes(
    kind=mask.kind,
    flip=mask.flip,
    strokes=_read(hole_shapes.Strokes, mask.strokes),
    boxes=_read(hole_shapes.Boxes, mask.boxes),
    paths=paths,
    invert=mask.invert,
  )


def _read(shape, section):
  """Returns a shape, a dataclass, whose attributes are a section's keys."""
  names = [field.name for field in dataclasses.fields(shape)]
  return shape(**{name: section[name] for name in names})
