"""Adam or Adadelta, with what a config may add to them."""

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
  """Returns an optimizer, with clipping and a schedule where asked for.

  Args:
    learning_rate: the highest one of the schedule.
    kind: one of `KINDS`.
    b1: decay of Adam's first moment.
    b2: decay of the second moment; Adadelta's rho.
    eps: added to the root of the second moment, after bias correction; to the
      moments of Adadelta.
    decay: one of `DECAYS`; linear and cosine reach 0 at `steps`.
    warmup_steps: steps over which the learning rate rises from 0.
    steps: of the whole run, warm-up included; needed unless constant.
    clip_norm: the global norm that gradients are scaled down to; None: never.

  Raises:
    UserError: if there is no such `kind` or `decay`, or the warm-up takes all
      steps.
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
      f"config.optimizer.warmup_steps={warmup_steps}: must be below "
      f"config.schedule.steps={steps}"
    )
  falling_steps = steps - warmup_steps
  falling = {
    "linear": optax.linear_schedule(learning_rate, 0.0, falling_steps),
    "cosine": optax.cosine_decay_schedule(learning_rate, falling_steps),
  }[decay]
  rising = optax.linear_schedule(0.0, learning_rate, max(warmup_steps, 1))
  return optax.join_schedules([rising, falling], [warmup_steps])
