"""Which config changes are allowed when a run is resumed.

Most keys determine what a run computes, so changing them changes the run.
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from absl import logging
from flax import traverse_util

from gatedinpaint_jax import build, errors
from gatedinpaint_jax.baselines import phases
from gatedinpaint_jax.training import setup as setup_lib

# Keys of logging, checkpointing and fault handling, and those that change how
# but not what is computed.
_HARMLESS = (
  "data.shown_channels",
  "data.tfds_dir",
  "data.validation_path",
  "data.validation_split",
  "evaluation.",
  "model.discriminator_width",  # `_shaping` compares its effective value
  "model.initializer",  # only used at step 0
  "model.rematerialize",
  "optimizer.accumulation_steps",
  "schedule.checkpoint_every_steps",
  "schedule.evaluate_every_steps",
  "schedule.keep_checkpoints",
  "schedule.log_every_steps",
  "schedule.profile",
  "schedule.skipped_steps_to_go_back",
)

# What imported weights say of the data that they were trained on, if anything.
_OF_WEIGHTS = {"data.value_range", "data.no_data"}

# What a run did whose config lacks these keys.
_LEGACY_DEFAULTS = setup_lib.DEFAULTS | {
  "model": setup_lib.DEFAULTS["model"] | {"initializer": "released"},
  "schedule": dataclasses.asdict(phases.Phases()),
  "optimizer": {"kind": "adam"},
}


def check(
  saved: Mapping[str, Any],
  now: Mapping[str, Any],
  *,
  folder,
  allow_change: bool | None,
) -> None:
  """Compares the config of a checkpoint with that of the run.

  That of imported weights has only the section `model` and, if not of
  photographs, what their values are. `allow_change` also accepts keys that
  change the computation; None refuses them without advice how to allow them.
  `folder` is that of the checkpoint, for the messages.

  Raises:
    UserError: naming the keys that must not change, or if the saved config is
      not that of a run.
  """
  try:
    _check(saved, now, folder, allow_change)
  except errors.NONSENSE as error:
    raise errors.UserError(
      f"{folder} has a config that is not that of a run "
      f"({errors.first_words(error)}); choose another `workdir`"
    ) from error


def _check(saved, now, folder, allow_change) -> None:
  before = _flatten(_LEGACY_DEFAULTS) | _flatten(saved)
  changed = _changes(before, _flatten(now))
  if shaping := _changes(_shaping(saved), _shaping(now)):
    raise errors.UserError(
      f"{folder} does not fit this config: {_list(shaping)}; restore these "
      "values or choose another `workdir`"
    )
  serious = {
    key: values
    for key, values in changed.items()
    if not _is_harmless(key, saved, now)
  }
  if "optimizer" not in saved:  # imported weights, not yet trained
    known = _OF_WEIGHTS if "data" in saved else ()
    changed = serious = {k: v for k, v in serious.items() if k in known}
  if serious and not allow_change:
    advice = "restore these values or choose another `workdir`"
    if allow_change is not None:
      advice += ", or set `allow_config_change`"
    raise errors.UserError(
      f"{folder} has another config: {_list(serious)}; {advice}"
    )
  if changed:
    logging.info("continuing with a changed config: %s", _list(changed))


def _changes(before, now) -> dict[str, tuple[Any, Any]]:
  """Returns {key: (now, before)} of the keys in both whose values differ."""
  return {
    key: (now[key], value)
    for key, value in before.items()
    if key in now and now[key] != value
  }


def _list(changes) -> str:
  return ", ".join(
    f"config.{key}: {now}, was {was}" for key, (now, was) in changes.items()
  )


def _is_harmless(key, saved, now) -> bool:
  if key == "schedule.steps":  # decays end with the last step
    return now["optimizer"]["decay"] == "constant"
  if key in ("evaluation.pictures", "data.validation_path"):
    return not (_holds_out(saved) or _holds_out(now))
  return key.startswith(_HARMLESS)


def _holds_out(config) -> bool:
  """Returns whether validation pictures are held out of the training set."""
  data = config["data"]
  return data["source"] != "tfds" and data["validation_path"] is None


def _flatten(config) -> dict[str, Any]:
  """Returns {dotted key: value} with values as they come back from JSON."""
  return traverse_util.flatten_dict(json.loads(json.dumps(config)), sep=".")


def _shaping(config) -> dict[str, Any]:
  """Returns the values that determine the arrays of a state."""
  model, optimizer = build.DEFAULTS | config["model"], config.get("optimizer")
  keys = ("generator", "conv", "bound", "width", "channels", "guided")
  shaping = {f"model.{key}": model[key] for key in keys}
  if optimizer is None:
    return shaping
  shaping["model.discriminator"] = model["discriminator"]
  if model["discriminator"] != "none":
    shaping["model.discriminator_width"] = build.discriminator_width(model)
  if model["discriminator"] not in ("none", "patch"):
    shaping["data.image_size"] = list(config["data"]["image_size"])
  is_scheduled = optimizer["decay"] != "constant" or optimizer["warmup_steps"]
  return shaping | {
    "optimizer.kind": optimizer["kind"],
    "optimizer.clip_norm is set": optimizer["clip_norm"] is not None,
    "optimizer.average_decay is set": optimizer["average_decay"] is not None,
    "optimizer has a schedule": bool(is_scheduled),
  }
