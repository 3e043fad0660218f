"""Reads the config of a comparison, and says what of it cannot be.

Everything that a person may have got wrong is told here, before hours of
training.
"""

import difflib
import os
import pathlib
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ml_collections import config_dict

from gatedinpaint_jax import errors, train_config
from gatedinpaint_jax.data import checks, listing, remote
from gatedinpaint_jax.evaluation import (
  cases,
  comparison_files,
  comparison_grid,
  frozen_masks,
  methods,
  output_files,
  subjects,
)
from gatedinpaint_jax.inference import jobs, photo_files
from gatedinpaint_jax.metrics import perceptual
from gatedinpaint_jax.training import devices

# What makes a method: whole sections, or some of their keys. The rest is the
# budget, which all share.
_OF_A_METHOD = {
  "data": ("batch_size",),
  "model": None,
  "loss": None,
  "optimizer": None,
  "schedule": (
    "completion_steps",
    "discriminator_steps",
    "generator_every_steps",
  ),
}
_TRAINED_ON = "config.training.data.path"
_NAME = re.compile(r"[A-Za-z0-9][\w-]*", re.ASCII)
_LEAST_SIDE = cases.Loader(None).least_side
# Folders of the workdir, and what tables and studies have beside methods.
_TAKEN = (comparison_files.FOLDER, comparison_grid.ORIGINAL, *methods.NAMES)


class Plan(NamedTuple):
  """What is compared.

  Attributes:
    trainings: the config of each run, as `configs/places2.py`, by method and
      seed.
    seeds: of all methods.
    untrained: what fills without training, by method.
    order: methods as expected from the least error to the most.
    work: the pictures to score.
    loaders: one for each kind of mask.
    batch_size: pictures to complete at once.
    grid_pictures: how many of the pictures are drawn.
    has_lpips: whether LPIPS is computed.
  """

  trainings: dict[str, dict[int, config_dict.ConfigDict]]
  seeds: list[int]
  untrained: dict[str, subjects.Subject]
  order: list[str]
  work: list[cases.Case]
  loaders: list[cases.Loader]
  batch_size: int
  grid_pictures: int
  has_lpips: bool


def run_name(method: str, seed: int) -> str:
  """Returns the place of a run among others, and of what it completed."""
  return f"{method}/seed_{seed}"


def read(config: Any) -> Plan:
  """Returns what a config as `configs/comparison.py` describes.

  Raises:
    UserError: naming the first key that cannot be, a picture that cannot be
      scored or a package that is missing.
  """
  errors.check_installed("dm_pix", extra="evaluate")
  has_lpips = config.get("lpips", False)
  _check_numbers(config)
  _check_size(config, perceptual.LEAST_SIDE if has_lpips else _LEAST_SIDE)
  seeds = _read_seeds(config)
  trainings = {
    name: _read_trainings(config, name, seeds) for name in config.trained
  }
  for name in config.untrained:
    errors.check_choice("config.untrained", name, methods.NAMES)
  untrained = {name: subjects.of_method(name) for name in config.untrained}
  for kind in config.mask_kinds:
    errors.check_choice("config.mask_kinds", kind, frozen_masks.KINDS)
  loaders = [
    cases.Loader(
      frozen_masks.MaskSet(kind, config.mask_seed), tuple(config.size)
    )
    for kind in config.mask_kinds
  ]
  return Plan(
    trainings=trainings,
    seeds=seeds,
    untrained=untrained,
    order=_read_order(config),
    work=_find_cases(config, loaders[0]),
    loaders=loaders,
    batch_size=config.batch_size,
    grid_pictures=config.grid_pictures,
    has_lpips=has_lpips,
  )


def check_apart(
  flag: str, folder: pathlib.Path, plan: Plan, config: Any
) -> None:
  """Raises UserError if the next run would take results for pictures."""
  data = config.training.data
  runs = [run_name(n, seed) for n in plan.trainings for seed in plan.seeds]
  written = [pathlib.Path(folder) / "comparison.png"]
  written += [
    comparison_files.completed_path(folder, kind, name, plan.work[0])
    for kind in config.mask_kinds
    for name in (*plan.untrained, *runs)
  ]
  for key, pictures in (
    ("config.images", config.images),
    (_TRAINED_ON, data.path),
    ("config.training.data.validation_path", data.validation_path),
  ):
    if pictures and any(
      output_files.would_be_read(file, pictures) for file in written
    ):
      raise errors.UserError(
        f"{flag}={folder}: what is written there would be pictures of "
        f"{key}={pictures} for the next run; name another place"
      )


def check_readable(work: Sequence[cases.Case]) -> None:
  """Decodes all pictures, of which `read` has seen the headers alone.

  Raises:
    UserError: naming the first one that is damaged.
  """
  for case in work:
    photo_files.read(case.image)


def _check_numbers(config):
  for key in ("trained", "order", "mask_kinds"):
    if not config[key]:
      raise errors.UserError(f"config.{key}={config[key]}: must name one")
  for key in ("trained", "untrained", "order", "mask_kinds"):
    names = list(config[key])
    for name in names:
      if names.count(name) > 1:
        raise errors.UserError(
          f"config.{key}={config[key]}: has {name} more than once; name it once"
        )
  for key, least in (
    ("mask_seed", 0),
    ("batch_size", 1),
    ("grid_pictures", 1),
    ("study_pictures", 1),
  ):
    if config[key] < least:
      raise errors.UserError(
        f"config.{key}={config[key]}: must be {least} or more"
      )


def _check_size(config, least):
  size = tuple(config.size)
  if len(size) != 2 or not all(
    isinstance(side, int) and side >= least for side in size
  ):
    raise errors.UserError(
      f"config.size={size}: must be (height, width), whole numbers from {least}"
      " up"
    )
  if size[0] * size[1] > photo_files.MOST_PIXELS:
    raise errors.UserError(
      f"config.size={size}: {photo_files.MOST_PIXELS} pixels in all are the "
      "most"
    )


def _read_seeds(config) -> list[int]:
  """Returns the seeds of all methods; that of the training if none is named."""
  seeds = config.get("seeds")
  if seeds is None:
    return [config.training.seed]
  seeds = list(seeds)
  is_seed = lambda seed: isinstance(seed, int) and 0 <= seed < 2**32
  if not seeds or not all(map(is_seed, seeds)) or len({*seeds}) < len(seeds):
    raise errors.UserError(
      f"config.seeds={tuple(seeds)}: must be different whole numbers from 0 up"
    )
  return seeds


def _read_trainings(config, name, seeds):
  """Returns by seed the config of all with what is the method's own."""
  errors.check_choice("config.trained", name, list(config.methods))
  key = f"config.methods.{name}"
  if not _NAME.fullmatch(name) or name in _TAKEN:
    raise errors.UserError(
      f"{key}: must be a name of letters, digits, _ and -, and none of "
      f"{', '.join(_TAKEN)}"
    )
  training = train_config.fill_in(config.training)
  for section, own in config.methods[name].items():
    if not isinstance(own, config_dict.ConfigDict):
      raise errors.UserError(f"{key}.{section}={own!r}: must be a section")
    for own_key, value in own.items():
      _check_own(
        f"{key}.{section}.{own_key}", training, section, own_key, value
      )
      try:
        training[section][own_key] = value
      except TypeError as error:
        raise errors.UserError(
          f"{key}.{section}.{own_key}={value!r}: {errors.first_words(error)}"
        ) from error
  try:
    checks.check(training)
    train_config.check_schedule(training.schedule)
    setup = train_config.build_setup(training)
    devices.check_batch_size(
      training.data.batch_size,
      devices.make_mesh(),
      key="config.data.batch_size",
      parts=setup.accumulation_steps,
    )
  except errors.UserError as error:
    raise errors.UserError(f"method {name}: {error}") from error
  by_seed = {}
  for seed in seeds:
    by_seed[seed] = training.copy_and_resolve_references()
    by_seed[seed].seed = seed
  return by_seed


def _check_own(full_key, training, section, key, value):
  """Raises UserError if a key does not exist or belongs to the budget."""
  if section not in _OF_A_METHOD:
    raise errors.UserError(
      f"{full_key}: methods differ in {', '.join(_OF_A_METHOD)} alone; set "
      f"config.training.{section}.{key} for all of them"
    )
  if key not in training[section]:
    nearest = difflib.get_close_matches(key, list(training[section]), n=1)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    raise errors.UserError(f"{full_key}: no key of config.training{hint}")
  keys = _OF_A_METHOD[section]
  if keys and key not in keys and value != training[section][key]:
    raise errors.UserError(
      f"{full_key}={value}: all methods have the same budget; set "
      f"config.training.{section}.{key} for all of them"
    )


def _read_order(config) -> list[str]:
  """Returns the order of those methods that are compared."""
  for name in config.order:
    errors.check_choice("config.order", name, [*config.methods, *methods.NAMES])
  compared = {*config.trained, *config.untrained}
  order = [name for name in config.order if name in compared]
  if not order:
    raise errors.UserError(
      f"config.order={config.order}: names none of the methods that are "
      f"compared, {', '.join([*config.trained, *config.untrained])}"
    )
  return order


def _find_cases(config, loader) -> list[cases.Case]:
  key = "config.images"
  checks.check_given(key, config.images)
  real = lambda path: os.path.realpath(os.path.expanduser(path))
  if real(config.images) == real(config.training.data.path):
    raise errors.UserError(
      f"{key}={config.images}: is {_TRAINED_ON}; name pictures that are not "
      "trained on"
    )
  files = jobs.by_name(key, [config.images])
  work = [
    cases.Case(i, name, files[name]) for i, name in enumerate(sorted(files))
  ]
  trained_on = _find_trained_on(config.training)
  for case in work:
    loader.shape(case)
    if os.path.realpath(case.image) in trained_on:
      raise errors.UserError(
        f"{key}={config.images}: {case.image} is trained on, as one of "
        f"{_TRAINED_ON}={config.training.data.path}; name pictures that are not"
      )
  return work


def _find_trained_on(training) -> set[str]:
  """Returns the real paths of what is trained on, where that is files here."""
  data = training.data
  find = {
    "folder": listing.find_in_folder,
    "file_list": listing.read_file_list,
  }.get(data.source)
  if find is None or remote.is_url(data.path):
    return set()
  files = find(
    os.path.expanduser(data.path),
    key=_TRAINED_ON,
    paired=data.sketch == "files",
  )
  if data.validation_path is None:
    # Training leaves these out.
    positions, _ = listing.hold_out(
      len(files.photos), training.evaluation.pictures
    )
    files = files.select(positions)
  return {os.path.realpath(photo) for photo in files.photos}
