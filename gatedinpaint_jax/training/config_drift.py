"""What may change in a config between the runs of one workdir.

Most of a config decides what the run computes: a run that goes on with another
one is no longer the run that its first half was.
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from absl import logging

from gatedinpaint_jax import build, errors
from gatedinpaint_jax.baselines import objectives, phases

# These change what is told, kept and done about faults, or in which pieces the
# same is computed.
_HARMLESS = (
  "data.tfds_dir",
  "data.validation_path",
  "data.validation_split",
  "evaluation.",
  "model.discriminator_width",  # its number is among what shapes arrays
  "model.initializer",  # the first draw is long made
  "model.rematerialize",
  "optimizer.accumulation_steps",
  "schedule.checkpoint_every_steps",
  "schedule.evaluate_every_steps",
  "schedule.keep_checkpoints",
  "schedule.log_every_steps",
  "schedule.profile",
  "schedule.skipped_steps_to_go_back",
)


# What older checkpoints computed by before these keys were there.
_BEFORE = {
  **{f"model.{key}": value for key, value in build.DEFAULTS.items()},
  "model.initializer": "released",
  **{
    f"loss.{key}": value
    for key, value in dataclasses.asdict(objectives.LossWeights()).items()
  },
  **{
    f"schedule.{key}": value
    for key, value in dataclasses.asdict(phases.Phases()).items()
  },
  "optimizer.kind": "adam",
}


def check(
  saved: Mapping[str, Any],
  now: Mapping[str, Any],
  *,
  folder,
  allow_change: bool | None,
) -> None:
  """Compares the config of a checkpoint with that of the run.

  Args:
    saved: of the checkpoint; of imported weights, `model` alone.
    now: of the run.
    folder: of the checkpoint, for the messages.
    allow_change: pass what changes the computation too, with a line in the log;
      None: no, and there is no flag for it.

  Raises:
    UserError: naming the keys that changed and must not.
  """
  changed = _changes(_BEFORE | _flatten(saved), _flatten(now))
  if shaping := _changes(_shaping(saved), _shaping(now)):
    raise errors.UserError(
      f"{folder} does not fit this config: {_list(shaping)}; put it back or "
      "name another `workdir`"
    )
  if "optimizer" not in saved:
    return  # imported: there was no run yet
  harmless = [key for key in changed if _is_harmless(key, saved, now)]
  serious = [key for key in changed if key not in harmless]
  if serious and not allow_change:
    listed = _list({key: changed[key] for key in serious})
    advice = "put it back or name another `workdir`"
    if allow_change is not None:
      advice += ", or go on with `allow_config_change`"
    raise errors.UserError(f"{folder} is of another config: {listed}; {advice}")
  if changed:
    logging.info("goes on with a changed config: %s", _list(changed))


def _changes(saved, now) -> dict[str, tuple[Any, Any]]:
  """Returns {key: (now, saved)} of what both have and differs."""
  return {
    key: (now[key], value)
    for key, value in saved.items()
    if key in now and now[key] != value
  }


def _list(changes) -> str:
  return ", ".join(
    f"config.{key}: {now}, was {was}" for key, (now, was) in changes.items()
  )


def _is_harmless(key, saved, now) -> bool:
  if key == "schedule.steps":  # a decay ends with the last step
    return now["optimizer"]["decay"] == "constant"
  if key in ("evaluation.pictures", "data.validation_path"):
    return not (_holds_out(saved) or _holds_out(now))
  return key.startswith(_HARMLESS)


def _holds_out(config) -> bool:
  """Returns whether pictures for validation are taken from those to train."""
  data = config["data"]
  return data["source"] != "tfds" and data["validation_path"] is None


def _flatten(config, prefix="") -> dict[str, Any]:
  """Returns {dotted key: value}, with the types that JSON leaves."""
  flat = {}
  for key, value in config.items():
    if isinstance(value, Mapping):
      flat |= _flatten(value, f"{prefix}{key}.")
    else:
      flat[f"{prefix}{key}"] = json.loads(json.dumps(value))
  return flat


def _shaping(config) -> dict[str, Any]:
  """Returns what of a config decides which arrays a state has."""
  model, optimizer = build.DEFAULTS | config["model"], config.get("optimizer")
  keys = ("generator", "conv", "bound", "width", "guided")
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
    "optimizer.kind": optimizer.get("kind", "adam"),
    "optimizer.clip_norm is set": optimizer["clip_norm"] is not None,
    "optimizer.average_decay is set": optimizer["average_decay"] is not None,
    "optimizer has a schedule": bool(is_scheduled),
  }
