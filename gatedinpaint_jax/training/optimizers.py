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
  """Returns an optimizer.

  Args:
    learning_rate: peak of the schedule.
    kind: one of `KINDS`.
    b1: decay rate of Adam's first moment.
    b2: decay rate of Adam's second moment, or Adadelta's rho.
    eps: Adam: added to the root of the second moment, after bias correction;
      Adadelta: added to the moments.
    decay: one of `DECAYS`; linear and cosine reach 0 at `steps`.
    warmup_steps: number of steps of linear warm-up from 0.
    steps: total number of updates, warm-up included; required unless constant.
    clip_norm: largest allowed global norm of the gradients; None: no clipping.

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
