"""The range of every number in a config, and which values may be None.

The limits lie far beyond what anybody trains. They turn a slip, such as a nan
or three zeros too many, into an error before anything is computed, where it
would exhaust the memory, or train something else in silence.
"""

from collections.abc import Mapping
from typing import Any

from gatedinpaint_jax import errors

_OF_MOST = {int: "[1, 1000000000]", float: "[0, 1000000]"}
_BATCH, _FRACTION, _RATE = "[1, 100000]", "[0, 1]", "(0, 10]"
_ANY = "[-3.5e38, 3.5e38]"  # of float32
_SEED, _SHARE, _STEPS = "[0, 4294967295]", "[0, 1)", "[0, 1000000000]"
# Of numbers whose range is not that of most. A tuple's is of each entry.
_RANGES = {
  "seed": _SEED,
  "data.image_size": "[8, 16384]",
  "data.batch_size": _BATCH,
  "data.value_range": _ANY,
  "data.range_quantiles": _FRACTION,
  "data.no_data": _ANY,
  "data.shown_channels": "[0, 255]",
  "data.sketch_threshold": _FRACTION,
  "data.sketch_drop_probability": _FRACTION,
  "mask.strokes.count": "[1, 100]",
  "mask.strokes.vertices": "[1, 100]",
  "mask.strokes.brush_width": _FRACTION,
  "mask.strokes.mean_step": _FRACTION,
  "mask.strokes.mean_angle": "[-10, 10]",
  "mask.strokes.angle_range": "[0, 10]",
  "mask.boxes.size": _FRACTION,
  "mask.boxes.max_shrink": _FRACTION,
  "model.channels": "[1, 256]",
  "model.width": "[4, 1024]",
  "model.discriminator_width": "[1, 2048]",
  "loss.discount": "(0, 1]",
  "optimizer.generator_learning_rate": _RATE,
  "optimizer.discriminator_learning_rate": _RATE,
  "optimizer.b1": _SHARE,
  "optimizer.b2": _SHARE,
  "optimizer.average_decay": _SHARE,
  "optimizer.eps": "[1e-30, 1]",  # smaller ones are 0 in float32
  "optimizer.clip_norm": "(0, 1000000]",
  "optimizer.warmup_steps": _STEPS,
  "schedule.completion_steps": _STEPS,
  "schedule.discriminator_steps": _STEPS,
  "evaluation.pictures": _STEPS,
  "evaluation.batch_size": _BATCH,
  "evaluation.seed": _SEED,
  # Of `compare`.
  "size": "[0, 1000000000]",  # `cases.check_size` knows better
  "batch_size": _BATCH,
  "mask_seed": _SEED,
}
_MAY_BE_NONE = (
  "data.validation_path",
  "data.tfds_dir",
  "data.no_data",
  "data.sketch",
  "mask.path",
  "model.discriminator_width",
  "optimizer.clip_norm",
  "optimizer.average_decay",
)


def check(config: Mapping[str, Any], *, section: str = "") -> None:
  """Raises UserError for the first value that no run can use.

  Takes a config, some of its sections by name, or, with `section`, which ends
  in a dot, what is in one of them. Texts are not checked, except for None.
  """
  for name, value in config.items():
    key = f"{section}{name}"
    if hasattr(value, "items"):
      check(value, section=f"{key}.")
    elif value is None and key not in _MAY_BE_NONE:
      raise errors.UserError(f"config.{key}=None: must have a value")
    for number in value if isinstance(value, tuple | list) else (value,):
      if isinstance(number, bool) or not isinstance(number, int | float):
        continue
      kind = int if isinstance(number, int) else float
      allowed = _RANGES.get(key, _OF_MOST[kind])
      if not _is_in(number, allowed):
        raise errors.UserError(f"config.{key}={value}: must be in {allowed}")


def _is_in(number, interval) -> bool:
  """Returns whether a number is in such an interval as "(0, 1]"; nan is not."""
  low, high = map(float, interval[1:-1].split(","))
  if number in (low, high):
    return interval[0 if number == low else -1] in "[]"
  return low < number < high
