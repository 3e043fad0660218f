"""The training loop and everything that is due between its steps."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
from absl import logging

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import compiler_options, errors
from gatedinpaint_jax.training import checkpoints as checkpoints_lib
from gatedinpaint_jax.training import (
  devices,
  divergence,
  health,
  hosts,
  live_line,
  preemption,
)
from gatedinpaint_jax.training import logging as logging_lib
from gatedinpaint_jax.training import meter as meter_lib
from gatedinpaint_jax.training import setup as setup_lib
from gatedinpaint_jax.training import step as step_lib
from gatedinpaint_jax.training import validation as validation_lib

# Scalars that are shown in a progress line.
_TRAINING_SHOWN = (*live_line.LOSSES, "images_per_second")
_VALIDATION_SHOWN = ("validation/hole_l1", "validation/l1", "validation/psnr")


def is_due(step: int, *, every: int, last: int) -> bool:
  """Returns whether a periodic task is due after `step`; at the end, always."""
  return step % every == 0 or step == last


@dataclasses.dataclass
class Run:
  """A training run: the loop, and its reaction to faults."""

  config: Any
  setup: setup_lib.Setup
  mesh: jax.sharding.Mesh
  checkpoints: checkpoints_lib.Checkpoints
  # `restore(up_to=step)` returns the checkpoint to go back to.
  restore: Callable[..., checkpoints_lib.Restored]
  restored: dataclasses.InitVar[checkpoints_lib.Restored]  # continues from it
  log: logging_lib.RunLog
  validation: validation_lib.Validation
  preemption: preemption.Preemption

  def __post_init__(self, restored):
    config = self.config
    self._scores = {}  # {step: validation scores}
    self._health = health.Health(
      batch_size=config.data.batch_size,
      has_hinge=config.loss.gan == "hinge" and config.loss.adversarial > 0,
    )
    self._monitor = divergence.Monitor(
      config.schedule.skipped_steps_to_go_back,
      skipped_in_a_row=restored.skipped_in_a_row,
    )
    self._resume_metrics(restored)

  def train(self, state, batches: Iterator[batch_lib.Batch]):
    """Trains until `config.schedule.steps` and returns the final state."""
    last, monitor = self.config.schedule.steps, self._monitor
    step, examples = int(state.step), int(state.examples_seen)
    # One compiled step for each combination of networks that it updates.
    compile_step = functools.cache(
      lambda turn: self._compile(turn, state, batch)
    )
    if step == 0 or step >= last:
      with self._meter.paused():
        self._validate(step, state)
    batch = None
    while step < last:
      if batch is None:
        batch = self._next_batch(batches)
      step += 1
      state, metrics = compile_step(self.setup.turn(step))(state, batch)
      monitor.add(step, examples, batch, metrics)
      examples += self.config.data.batch_size
      # The next batch is fetched and copied while the devices compute.
      batch = self._next_batch(batches) if step < last else None
      self._meter.add(metrics)
      if step == last:
        monitor.check()
      if monitor.has_diverged:
        state = self._go_back(state)
        step = int(state.step)
        continue
      self._after_step(step, state)
      if self.preemption.is_due() and step < last:
        self._save_and_stop(step, state)
        return state
    self._print_summary()
    return state

  def _compile(self, turn, state, batch):
    """Returns the compiled training step of a turn; see `Setup.turn`."""
    logging.info("compiling the training step; this may take minutes")
    train_step = jax.jit(
      step_lib.make_train_step(self.setup, turn, mesh=self.mesh),
      donate_argnums=0,
      out_shardings=devices.replicated(self.mesh),
      compiler_options=compiler_options.for_backend(),
    )
    with self._meter.paused():
      compiled = train_step.lower(state, batch).compile()
      hosts.wait_for_all("training step compiled")
    return compiled

  def _next_batch(self, batches):
    """Takes the next batch and starts copying it to the devices."""
    with self._meter.waiting():
      batch = next(batches)
    return devices.put_batch(batch, self.mesh)

  def _resume_metrics(self, restored) -> None:
    """Continues the means of metrics as of a checkpoint."""
    self._meter = meter_lib.Meter(
      self.config.data.batch_size, window=restored.window
    )
    self._health.reset(int(restored.state.step))

  def _after_step(self, step: int, state) -> None:
    schedule, last = self.config.schedule, self.config.schedule.steps
    self.log.after_step(step, self._meter.newest)
    if is_due(step, every=schedule.log_every_steps, last=last):
      self._report(step)
    if is_due(step, every=schedule.checkpoint_every_steps, last=last):
      self._monitor.check()
      # If the run has to go back, then to a state before the skipped steps.
      if not self._monitor.skipped_in_a_row or step == last:
        self._save(state)
    if is_due(step, every=schedule.evaluate_every_steps, last=last):
      with self.log.paused(), self._meter.paused():
        self._validate(step, state)
    self.checkpoints.check()

  def _report(self, step: int) -> None:
    """Logs the means since the last report."""
    scalars = self._meter.take()
    self.log.write_scalars(
      step, {f"train/{name}": value for name, value in scalars.items()}
    )
    shown = [name for name in _TRAINING_SHOWN if name in scalars]
    if scalars[step_lib.SKIPPED]:
      shown.append(step_lib.SKIPPED)
    self.log.print_training(step, {name: scalars[name] for name in shown})
    self._health.check_training(step, scalars)

  def _save(self, state) -> None:
    with self.log.paused(), self._meter.paused():
      self.checkpoints.save(
        state,
        self.config.to_dict(),
        window=self._meter.window(),
        skipped_in_a_row=self._monitor.skipped_in_a_row,
      )
    self._monitor.went_back = False

  def _save_and_stop(self, step: int, state) -> None:
    self._monitor.check()
    if self.checkpoints.latest_step() != step:
      self._save(state)
    self.checkpoints.wait()
    logging.info(
      "saved and stopped at step %d (%s); the same command resumes",
      step,
      self.preemption.reason,
    )

  def _go_back(self, state):
    """Returns the state before the skipped steps, or stops the second time."""
    monitor, skipped = self._monitor, self._monitor.skipped
    if monitor.went_back:
      folder = divergence.dump(
        self.log.workdir, skipped, state, self.config.to_dict()
      )
      raise errors.UserError(
        f"step {skipped.number}: {skipped.reason}, again after going back; "
        "lower the learning rates in config.optimizer or set "
        f"config.optimizer.clip_norm; {folder} holds what is needed to "
        "reproduce it"
      )
    restored = self.restore(up_to=skipped.number - monitor.skipped_in_a_row)
    monitor.reset()
    monitor.went_back = True
    self._resume_metrics(restored)
    step = int(restored.state.step)
    self.log.restart(step)
    logging.warning(
      "went back to step %d; continuing from example %d",
      step,
      state.examples_seen,
    )
    return restored.state.replace(examples_seen=state.examples_seen)

  def _validate(self, step: int, state) -> None:
    """Scores the validation pictures and writes their strip."""
    if not self.validation.pictures:
      return
    scores, strip = self.validation(state.best_generator)
    self._scores[step] = scores
    scalars = {f"validation/{name}": value for name, value in scores.items()}
    self.log.write_scalars(step, scalars)
    self.log.print_scalars(
      step, {name: scalars[name] for name in _VALIDATION_SHOWN}
    )
    if step:
      self._health.check_validation(step, scores)
    self.log.write_strip(step, strip)

  def _print_summary(self) -> None:
    """Prints the path of the last strip and how the error in the holes fell."""
    if not self.validation.pictures or jax.process_index() > 0:
      return
    first, last = min(self._scores), max(self._scores)
    hole_l1 = {"mean fill": self.validation.score_mean_fill()}
    for step in (first, last):
      hole_l1[f"step {step}"] = self._scores[step]["hole_l1"]
    shown = ", ".join(f"{name} {error:.4f}" for name, error in hole_l1.items())
    chroma = self._scores[last]["hole_chroma"]
    original = self._scores[last]["original_hole_chroma"]
    print(
      f"strip of completed validation pictures: {self.log.strip_path(last)}"
    )
    if original:  # else they are grey
      shown += f"; chroma {chroma / original:.2f} of the originals'"
    print(f"hole l1 on {self.validation.pictures} held-out pictures: {shown}")
