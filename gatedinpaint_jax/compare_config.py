"""Reads the config of a comparison and rejects what is invalid.

Whatever a person may have got wrong is reported here, before hours of training.
"""

import difflib
import os
import re
from typing import Any, NamedTuple

from ml_collections import config_dict

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import checks, listing, remote
from gatedinpaint_jax.evaluation import (
  cases,
  frozen_masks,
  methods,
  pictures,
  subjects,
)
from gatedinpaint_jax.inference import photo_files
from gatedinpaint_jax.metrics import perceptual
from gatedinpaint_jax.training import devices
from gatedinpaint_jax.training import setup as setup_lib

# Folder of the completed pictures, in the workdir.
COMPLETED = "completed"
# What a method may set: entire sections, or some of their keys. The rest is the
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
# Folders of the workdir, and what tables and studies show besides methods.
_TAKEN = (COMPLETED, pictures.ORIGINAL, *methods.NAMES)


class Plan(NamedTuple):
  """What is compared.

  Attributes:
    trainings: the config of each run, like `configs/places2.py`, by method and
      seed.
    seeds: that every method is trained with.
    untrained: subjects that need no training, by method.
    order: methods as expected from the least error to the most.
    work: the pictures to score.
    loaders: one for each kind of mask.
    has_lpips: whether LPIPS is computed.
  """

  trainings: dict[str, dict[int, config_dict.ConfigDict]]
  seeds: list[int]
  untrained: dict[str, subjects.Subject]
  order: list[str]
  work: list[cases.Case]
  loaders: list[cases.Loader]
  has_lpips: bool

  def run_names(self, method: str) -> list[str]:
    """Returns the names of a method's runs, which are folders too."""
    return [_run_name(method, seed) for seed in self.trainings[method]]

  @property
  def runs(self) -> dict[str, config_dict.ConfigDict]:
    """Returns the config of each run by its name."""
    return {
      _run_name(method, seed): training
      for method, by_seed in self.trainings.items()
      for seed, training in by_seed.items()
    }

  @property
  def method_of(self) -> dict[str, str]:
    """Returns {what is scored: its method}, untrained methods first."""
    return {name: name for name in self.untrained} | {
      run: method for method in self.trainings for run in self.run_names(method)
    }


def make_plan(config: Any) -> Plan:
  """Returns what a config like `configs/comparison.py` describes.

  Raises:
    UserError: naming the first invalid key, a picture that cannot be scored or
      a package that is missing.
  """
  errors.check_installed("dm_pix", extra="evaluate")
  has_lpips = config.get("lpips", False)
  _check_numbers(config)
  _check_size(config, perceptual.LEAST_SIDE if has_lpips else _LEAST_SIDE)
  seeds = _read_seeds(config)
  trainings = {}
  for name in config.trained:
    training = _read_training(config, name)
    trainings[name] = {seed: _with_seed(training, seed) for seed in seeds}
  for name in config.untrained:
    errors.check_choice("config.untrained", name, methods.NAMES)
  for kind in config.mask_kinds:
    errors.check_choice("config.mask_kinds", kind, frozen_masks.KINDS)
  masks = [frozen_masks.MaskSet(k, config.mask_seed) for k in config.mask_kinds]
  loaders = [cases.Loader(mask_set, tuple(config.size)) for mask_set in masks]
  return Plan(
    trainings=trainings,
    seeds=seeds,
    untrained={name: subjects.from_method(name) for name in config.untrained},
    order=_read_order(config),
    work=_find_cases(config, loaders[0]),
    loaders=loaders,
    has_lpips=has_lpips,
  )


def _check_numbers(config):
  for key in ("trained", "untrained", "order", "mask_kinds"):
    names = list(config[key])
    if not names and key != "untrained":
      raise errors.UserError(f"config.{key}={config[key]}: must name one")
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
  """Returns the seeds of all methods; by default that of `training`."""
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


def _run_name(method, seed):
  return f"{method}/seed_{seed}"


def _with_seed(training, seed):
  training = training.copy_and_resolve_references()
  training.seed = seed
  return training


def _read_training(config, name):
  """Returns the config of training with the method's own keys."""
  errors.check_choice("config.trained", name, list(config.methods))
  key = f"config.methods.{name}"
  if not _NAME.fullmatch(name) or name in _TAKEN:
    raise errors.UserError(
      f"{key}: must be a name of letters, digits, _ and -, and none of "
      f"{', '.join(_TAKEN)}"
    )
  training = setup_lib.fill_in(config.training)
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
    setup_lib.check_schedule(training.schedule)
    setup = setup_lib.build_setup(training)
    devices.check_batch_size(
      training.data.batch_size,
      devices.make_mesh(),
      key="config.data.batch_size",
      parts=setup.accumulation_steps,
    )
  except errors.UserError as error:
    raise errors.UserError(f"method {name}: {error}") from error
  return training


def _check_own(full_key, training, section, key, value):
  """Raises UserError if a key does not exist or belongs to the budget."""
  if section not in _OF_A_METHOD:
    raise errors.UserError(
      f"{full_key}: methods differ only in {', '.join(_OF_A_METHOD)}; set "
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
  """Returns the expected order, without methods that are not compared."""
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
  work = cases.find(cases.Places(key, [config.images]))
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
  """Returns the real paths of the training pictures if they are local files."""
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
