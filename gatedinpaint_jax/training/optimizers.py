"""Adam or Adadelta, optionally with gradient clipping and a schedule."""

import optax

from gatedinpaint_jax import errors

DECAYS = ("constant", "linear", "cosine")
KINDS = ("adam", "adadelta")


def make_optimizer(
  learning_rate: float,
  *,
  kind: str = "adam",
  b1: float = 0.5,
  b2: float = 0.999,
  eps: float = 1e-8,
  decay: str = "constant",
  warmup_steps: int = 0,
  steps: int | None = None,
  clip_norm: float | None = None,
) -> optax.GradientTransformation:
  """Returns the optimizer of a network; `configs/places2.py` has the keys.

  Args:
    learning_rate: peak of the schedule.
    kind: one of `KINDS`.
    b1: of Adam.
    b2: of Adam, or Adadelta's rho.
    eps: Adam adds it to the root of the second moment, Adadelta to the moments.
    decay: one of `DECAYS`.
    warmup_steps: of the linear warm-up.
    steps: updates in all, warm-up included; required unless constant.
    clip_norm: largest global norm of the gradients, or None.

  Raises:
    UserError: if `kind` or `decay` is unknown, or `warmup_steps` too large.
  """
  errors.check_choice("config.optimizer.kind", kind, KINDS)
  schedule = make_schedule(
    learning_rate, decay=decay, warmup_steps=warmup_steps, steps=steps
  )
  if kind == "adam":
    optimizer = optax.adam(schedule, b1=b1, b2=b2, eps=eps)
  else:
    optimizer = optax.adadelta(schedule, rho=b2, eps=eps)
  if clip_norm is None:
    return optimizer
  return optax.chain(optax.clip_by_global_norm(clip_norm), optimizer)


def make_schedule(learning_rate, *, decay, warmup_steps, steps):
  """Returns the learning rate as a function of the step, or a constant."""
  errors.check_choice("config.optimizer.decay", decay, DECAYS)
  if decay == "constant":
    if not warmup_steps:
      return learning_rate
    return optax.linear_schedule(0.0, learning_rate, warmup_steps)
  if warmup_steps >= steps:
    raise errors.UserError(
      f"config.optimizer.warmup_steps={warmup_steps}: must be less than "
      f"config.schedule.steps={steps}"
    )
  warmup = optax.linear_schedule(0.0, learning_rate, max(warmup_steps, 1))
  decay_steps = steps - warmup_steps
  if decay == "linear":
    after = optax.linear_schedule(learning_rate, 0.0, decay_steps)
  else:
    after = optax.cosine_decay_schedule(learning_rate, decay_steps)
  return optax.join_schedules([warmup, after], [warmup_steps])
