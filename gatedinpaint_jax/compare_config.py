"""Reads the config of a comparison, and rejects mistakes before training."""

import difflib
import os
import re
from typing import Any, NamedTuple

from ml_collections import config_dict

from gatedinpaint_jax import config_ranges, errors
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import checks, listing, remote, value_ranges
from gatedinpaint_jax.evaluation import (
  cases,
  frozen_masks,
  methods,
  pictures,
  subjects,
)
from gatedinpaint_jax.metrics import perceptual
from gatedinpaint_jax.training import devices
from gatedinpaint_jax.training import setup as setup_lib

# Folder of the completed pictures in the workdir.
COMPLETED = "completed"
# What a method may set: {section: some keys, or None for all}. The rest is the
# budget that all share.
_METHOD_KEYS = {
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
# Of the pictures, so that methods share it.
_CHANNELS = ("model", "channels")
_TRAINED_ON = "config.training.data.path"
_NAME = re.compile(r"[A-Za-z0-9][\w-]*", re.ASCII)
# Other names of folders in the workdir, and of rows in tables and studies.
_RESERVED = (COMPLETED, pictures.ORIGINAL, *methods.NAMES)


class Plan(NamedTuple):
  """What is compared."""

  # {method: {run: config}}. A run METHOD/seed_N is also a folder.
  trainings: dict[str, dict[str, config_dict.ConfigDict]]
  seeds: list[int]  # the seeds of every method
  # {method: subject} of methods without training.
  untrained: dict[str, subjects.Subject]
  order: list[str]  # methods expected from the lowest to the highest error
  work: list[cases.Case]  # the pictures to score
  loaders: list[cases.Loader]  # one per kind of mask
  has_lpips: bool  # whether LPIPS is computed
  values: values_lib.Values  # of all pictures

  @property
  def method_of(self) -> dict[str, str]:
    """{run or untrained method: method}, untrained methods first."""
    return {name: name for name in self.untrained} | {
      run: method for method, runs in self.trainings.items() for run in runs
    }

  @property
  def shown(self) -> dict[str, str]:
    """{method: untrained method or run of the first seed}, likewise."""
    return {name: name for name in self.untrained} | {
      method: next(iter(runs)) for method, runs in self.trainings.items()
    }


def make_plan(config: Any) -> Plan:
  """Returns the plan of a config like `configs/comparison.py`."""
  errors.check_installed("dm_pix", extra="evaluate")
  has_lpips = config.get("lpips", False)
  _check_numbers(config)
  min_side = perceptual.MIN_SIDE if has_lpips else cases.Loader(None).min_side
  _check_size(config, min_side)
  seeds = _read_seeds(config)
  shared = value_ranges.fill_in(setup_lib.fill_in(config.training))
  trainings = {}
  for name in config.trained:
    training = _read_training(config, shared, name)
    trainings[name] = runs = {}
    for seed in seeds:
      run = training.copy_and_resolve_references()
      run.seed = seed
      runs[f"{name}/seed_{seed}"] = run
  for name in config.untrained:
    errors.check_choice("config.untrained", name, methods.NAMES)
  for kind in config.mask_kinds:
    errors.check_choice("config.mask_kinds", kind, frozen_masks.KINDS)
  masks = [frozen_masks.MaskSet(k, config.mask_seed) for k in config.mask_kinds]
  values = values_lib.from_config(shared)
  if has_lpips and values.channels != 3:
    raise errors.UserError(
      "config.lpips=True: LPIPS is for RGB, not for"
      f" config.training.model.channels={values.channels}"
    )
  loaders = [
    cases.Loader(mask_set, tuple(config.size), values=values)
    for mask_set in masks
  ]
  with errors.prefixed("config.untrained: "):
    untrained = {n: subjects.from_method(n, values) for n in config.untrained}
  return Plan(
    trainings=trainings,
    seeds=seeds,
    untrained=untrained,
    order=_read_order(config),
    work=_find_cases(config, loaders[0]),
    loaders=loaders,
    has_lpips=has_lpips,
    values=values,
  )


def _check_numbers(config):
  for key in ("trained", "untrained", "order", "mask_kinds"):
    names = list(config[key])
    if not names and key != "untrained":
      raise errors.UserError(f"config.{key}={config[key]}: must not be empty")
    for name in names:
      if names.count(name) > 1:
        raise errors.UserError(
          f"config.{key}={config[key]}: has {name} more than once"
        )
  sections = ("training", "methods")  # checked for each method
  own = {k: v for k, v in config.items() if k not in (*sections, "seeds")}
  config_ranges.check(own)


def _check_size(config, min_side):
  size = tuple(config.size)
  if len(size) != 2 or not all(isinstance(side, int) for side in size):
    raise errors.UserError(
      f"config.size={size}: must be (height, width), two integers"
    )
  cases.check_size(f"config.size={size}", size, min_side)


def _read_seeds(config) -> list[int]:
  seeds = config.get("seeds")
  if seeds is None:
    return [config.training.seed]
  seeds = list(seeds)
  is_seed = lambda seed: isinstance(seed, int) and 0 <= seed < 2**32
  if not seeds or not all(map(is_seed, seeds)) or len({*seeds}) < len(seeds):
    raise errors.UserError(
      f"config.seeds={tuple(seeds)}: must be different integers from 0 up"
    )
  return seeds


def _read_training(config, shared, name):
  errors.check_choice("config.trained", name, list(config.methods))
  key = f"config.methods.{name}"
  if not _NAME.fullmatch(name) or name in _RESERVED:
    raise errors.UserError(
      f"{key}: must be a name of letters, digits, _ and -, and not "
      f"{', '.join(_RESERVED)}"
    )
  training = shared.copy_and_resolve_references()
  for section, values in config.methods[name].items():
    if not isinstance(values, config_dict.ConfigDict):
      raise errors.UserError(f"{key}.{section}={values!r}: must be a section")
    for method_key, value in values.items():
      full_key = f"{key}.{section}.{method_key}"
      _check_key(full_key, training, section, method_key, value)
      try:
        training[section][method_key] = value
      except TypeError as error:
        raise errors.UserError(
          f"{full_key}={value!r}: {errors.first_words(error)}"
        ) from error
  with errors.prefixed(f"method {name}: "):
    checks.check(training)
    setup = setup_lib.build_setup(training)
    devices.check_batch_size(
      training.data.batch_size, devices.make_mesh(), setup.accumulation_steps
    )
  return training


def _check_key(full_key, training, section, key, value):
  """Raises UserError if a key does not exist or belongs to the budget."""
  if section not in _METHOD_KEYS:
    raise errors.UserError(
      f"{full_key}: methods differ only in {', '.join(_METHOD_KEYS)}; set "
      f"config.training.{section}.{key} for all"
    )
  if key not in training[section]:
    nearest = difflib.get_close_matches(key, list(training[section]), n=1)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    raise errors.UserError(f"{full_key}: is not a key of config.training{hint}")
  keys = _METHOD_KEYS[section]
  is_shared = (keys and key not in keys) or (section, key) == _CHANNELS
  if is_shared and value != training[section][key]:
    raise errors.UserError(
      f"{full_key}={value}: all methods have the same budget; set "
      f"config.training.{section}.{key} for all"
    )


def _read_order(config) -> list[str]:
  for name in config.order:
    errors.check_choice("config.order", name, [*config.methods, *methods.NAMES])
  compared = {*config.trained, *config.untrained}
  order = [name for name in config.order if name in compared]
  if not order:
    raise errors.UserError(
      f"config.order={config.order}: has none of the compared methods, "
      f"{', '.join([*config.trained, *config.untrained])}"
    )
  return order


def _find_cases(config, loader) -> list[cases.Case]:
  key = "config.images"
  checks.check_given(key, config.images)
  work = cases.find(cases.Place(key, config.images))
  trained_on = _find_trained_on(config.training)
  for case in work:
    loader.shape(case)
    loader.check(case.image)
    if os.path.realpath(case.image) in trained_on:
      raise errors.UserError(
        f"{key}={config.images}: {case.image} is trained on, as one of "
        f"{_TRAINED_ON}={config.training.data.path}; name other pictures"
      )
  return work


def _find_trained_on(training) -> set[str]:
  """Returns the real paths of training pictures that are local files."""
  data = training.data
  find = {
    "folder": listing.find_in_folder,
    "file_list": listing.read_file_list,
  }.get(data.source)
  if find is None or remote.is_url(data.path):
    return set()
  with errors.prefixed(f"{_TRAINED_ON}: "):
    files = find(os.path.expanduser(data.path), paired=data.sketch == "files")
  if data.validation_path is None:
    # Training holds these out.
    positions, _ = listing.hold_out(
      len(files.photos), training.evaluation.pictures
    )
    files = files.select(positions)
  return {os.path.realpath(photo) for photo in files.photos}
