"""From a config to batches: the one place here that reads ConfigDicts.

TensorFlow is loaded only for sources that need it, that is, not for arrays.
"""

import functools
import os
import posixpath
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors
from gatedinpaint_jax.data import (
  checks,
  hole_shapes,
  listing,
  recipe,
  remote,
  unreadable,
)

_PATH = "config.data.path"
_VALIDATION_PATH = "config.data.validation_path"


class Found(NamedTuple):
  """The pictures of a config.

  Attributes:
    training: how many pictures there are to train on.
    batches: `training_batches` of this config, without its first argument.
    validation: what `validation_batches` returns.
  """

  training: int
  batches: Callable[..., Iterator[batch_lib.Batch]]
  validation: list[batch_lib.Batch]


def find_pictures(config: Any) -> Found:
  """Checks a config, lists its pictures and reads those for validation.

  Args:
    config: the whole config, as in `configs/places2.py`.

  Raises:
    UserError: as `training_batches` and `validation_batches`.
  """
  checks.check(config)
  # Pictures to train on and to validate on may come from the same listing.
  find = functools.cache(functools.partial(_find, config))
  holes = _holes(config.mask)
  training, _ = _open(config, find, holes, validation=False)
  return Found(
    training=len(training),
    batches=functools.partial(_stream, config, training),
    validation=_validation(config, find, holes),
  )


def training_batches(
  config: Any,
  *,
  first_example: int = 0,
  process_index: int = 0,
  process_count: int = 1,
) -> Iterator[batch_lib.Batch]:
  """Returns an endless iterator of this process's rows of the global batches.

  Args:
    config: the whole config, as in `configs/places2.py`.
    first_example: number of the first example; a stream that starts at k gives
      what one from 0 gives from its k-th example on.
    process_index: this process, from 0.
    process_count: all processes; process p of n has the rows
      `[p * B / n, (p + 1) * B / n)` of each global batch of B pictures.

  Returns:
    Batches of NumPy arrays.

  Raises:
    UserError: if a value cannot be used or there are no pictures; from the
      iterator, if too many pictures cannot be read.
  """
  checks.check(config)
  find = functools.partial(_find, config)
  pictures, _ = _open(config, find, _holes(config.mask), validation=False)
  return _stream(
    config,
    pictures,
    first_example=first_example,
    process_index=process_index,
    process_count=process_count,
  )


def validation_batches(config: Any) -> list[batch_lib.Batch]:
  """Returns the validation pictures: always the same, with the same holes.

  They are cropped in the centre and not mirrored, never lack their sketch, and
  follow from `config.evaluation.seed`. Without `config.data.validation_path`
  they are those that training leaves out: `config.evaluation.pictures` at equal
  distances in the list, at most a quarter of it.

  Args:
    config: the whole config, as in `configs/places2.py`.

  Returns:
    Whole batches, the same in every process; the last may have fewer pictures.

  Raises:
    UserError: as `training_batches`, and if there are too few pictures to hold
      any out.
  """
  checks.check(config)
  return _validation(
    config, functools.partial(_find, config), _holes(config.mask)
  )


def _stream(
  config, pictures, *, first_example=0, process_index=0, process_count=1
):
  checks.check_divisible(
    "config.data.batch_size", config.data.batch_size, process_count
  )
  rows = recipe.Rows(
    batch_size=config.data.batch_size,
    first_example=first_example,
    process_index=process_index,
    process_count=process_count,
  )
  return pictures.stream(rows)


def _validation(config, find, holes) -> list[batch_lib.Batch]:
  if not config.evaluation.pictures:
    return []
  pictures, positions = _open(config, find, holes, validation=True)
  return list(pictures.listed(positions, config.evaluation.batch_size))


def _find(config, key, path):
  """Lists the files at a path, or loads the arrays there."""
  paired = config.model.guided and config.data.sketch == "files"
  if config.data.source == "arrays":
    from gatedinpaint_jax.data import arrays

    size = tuple(config.data.image_size)
    return arrays.load(path, key=key, size=size, paired=paired)
  if config.data.source == "folder":
    return listing.find_in_folder(path, key=key, paired=paired)
  return listing.read_file_list(path, key=key, paired=paired)


def _open(
  config, find, holes, *, validation
) -> tuple[recipe.Pictures, Sequence[int]]:
  """Opens the source; returns its pictures and the positions to validate on."""
  steps = _recipe(config, holes, validation=validation)
  key, path = _place(config, validation)
  if config.data.source == "tfds":
    return _open_tfds(config, steps, key, path, validation)
  opener = _open_arrays if config.data.source == "arrays" else _open_files
  return opener(config, steps, key, find(key, path), validation)


def _open_files(config, steps, key, files, validation):
  positions = _positions(config, len(files.photos), validation)
  files = files.select(positions)
  errors.check_installed("tensorflow", extra="train")
  # TensorFlow takes seven seconds to load, so find mistakes before.
  from gatedinpaint_jax.data import pipeline, sources

  pipeline.keep_off_accelerators()
  source = sources.FileSource(
    files, seed=steps.seed, shuffle=config.data.shuffle
  )
  return _pipeline(pipeline, source, steps, key), range(len(positions))


def _open_tfds(config, steps, key, name, validation):
  errors.check_installed("tensorflow_datasets", extra="train")
  from gatedinpaint_jax.data import pipeline, tfds_source

  pipeline.keep_off_accelerators()
  data = config.data
  if remote.is_url(data.tfds_dir or ""):
    # TensorFlow Datasets tells it in ten lines, after minutes.
    url = posixpath.join(data.tfds_dir, name.partition(":")[0])
    remote.reach(url, key="config.data.tfds_dir")
  source = tfds_source.TfdsSource(
    name,
    key=key,
    split=data.validation_split if validation else data.train_split,
    folder=data.tfds_dir,
    seed=steps.seed,
    shuffle_buffer=data.shuffle_buffer if data.shuffle else 0,
  )
  count = min(config.evaluation.pictures, len(source))
  return _pipeline(pipeline, source, steps, key), range(count)


def _open_arrays(config, steps, key, loaded, validation):
  from gatedinpaint_jax.data import arrays

  positions = _positions(config, len(loaded.images), validation)
  pictures = arrays.ArrayPictures(
    loaded, positions, steps, shuffle=config.data.shuffle
  )
  return pictures, range(len(positions))


def _pipeline(pipeline, source, steps, key):
  tally = unreadable.Tally(key, len(source), paired=steps.has_sketch_files)
  return pipeline.Pipeline(source, steps, tally=tally)


def _place(config, validation) -> tuple[str, str]:
  """Returns the key that names the pictures, and its value."""
  path = config.data.validation_path
  if validation and path is not None:
    return _VALIDATION_PATH, os.path.expanduser(path)
  return _PATH, os.path.expanduser(config.data.path)


def _positions(config, total, validation) -> Sequence[int]:
  """Returns which pictures of a list to use; at least one."""
  wanted = config.evaluation.pictures
  if config.data.validation_path is None:
    training, held_out = listing.hold_out(total, wanted)
    if not validation:
      return training
    if not held_out:
      raise errors.UserError(
        f"{_PATH}: the {total} pictures of {config.data.path} are too few to"
        f" hold any out; set {_VALIDATION_PATH}, or config.evaluation.pictures"
        " to 0"
      )
    return held_out
  return (
    listing.spread(total, min(wanted, total)) if validation else range(total)
  )


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
  return recipe.Recipe(seed, framing, holes, sketching)


def _holes(mask) -> hole_shapes.Holes:
  """Returns how masks are made, with the mask files listed."""
  paths = ()
  if mask.kind == "files":
    checks.check_given("config.mask.path", mask.path)
    folder = os.path.expanduser(mask.path)
    paths = listing.find_in_folder(folder, key="config.mask.path").photos
  strokes = hole_shapes.Strokes(
    count=tuple(mask.strokes.count),
    vertices=tuple(mask.strokes.vertices),
    brush_width=tuple(mask.strokes.brush_width),
    mean_step=mask.strokes.mean_step,
    mean_angle=mask.strokes.mean_angle,
    angle_range=mask.strokes.angle_range,
  )
  boxes = hole_shapes.Boxes(
    size=tuple(mask.boxes.size), max_shrink=tuple(mask.boxes.max_shrink)
  )
  return hole_shapes.Holes(
    kind=mask.kind,
    flip=mask.flip,
    strokes=strokes,
    boxes=boxes,
    paths=paths,
    invert=mask.invert,
  )
