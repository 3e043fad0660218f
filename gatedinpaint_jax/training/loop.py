"""The loop over the steps of a run, and what is due between them."""

import contextlib
import dataclasses
import functools
import pathlib
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
  preemption,
)
from gatedinpaint_jax.training import logging as logging_lib
from gatedinpaint_jax.training import meter as meter_lib
from gatedinpaint_jax.training import step as step_lib
from gatedinpaint_jax.training import validation as validation_lib

# What a line of progress shows of the scalars.
_REPORTED = (
  "l1_refined",
  "l2_refined",
  "adversarial_loss",
  "discriminator_loss",
  "images_per_second",
)
_OF_VALIDATION = ("hole_l1", "l1", "psnr")


def is_due(step: int, *, every: int, last: int) -> bool:
  """Returns whether what happens `every` so many steps is due after `step`.

  After the last step it is always due.
  """
  return step % every == 0 or step == last


@dataclasses.dataclass
class Run:
  """A run in progress: what the loop needs beside the state.

  Attributes:
    config: as in `configs/places2.py`.
    workdir: its folder.
    setup: the networks and optimizers.
    mesh: the devices.
    checkpoints: where states go.
    restore: returns the newest state that was saved, or the newest one up to
      a step.
    log: what the run tells.
    validation: what is scored, or None.
    preemption: whether to end early.
    meter: collects the metrics.
    watch: counts the steps that were skipped.
    health: warns of what goes wrong.
    reported: the step of the last report.
    hole_l1: the error of each validation by what was validated.
    chroma: of the last validation in the holes, as a share of the originals'.
    last_strip: path of the newest strip.
    went_back: whether it has, and saved nothing since.
    compiled: the turns whose step is compiled.
  """

  config: Any
  workdir: pathlib.Path
  setup: step_lib.Setup
  mesh: jax.sharding.Mesh
  checkpoints: checkpoints_lib.Checkpoints
  restore: Callable[..., checkpoints_lib.Restored]
  log: logging_lib.RunLog
  validation: validation_lib.Validation | None
  preemption: preemption.Preemption
  meter: meter_lib.Meter
  watch: divergence.Watch
  health: health.Health
  reported: int = 0
  hole_l1: dict[str, float] = dataclasses.field(default_factory=dict)
  chroma: float = 0.0
  last_strip: pathlib.Path | None = None
  went_back: bool = False
  compiled: set = dataclasses.field(default_factory=set)

  def train(self, state, batches: Iterator[batch_lib.Batch]):
    """Loops over the steps that remain and returns the last state."""
    last = self.config.schedule.steps
    step, examples = int(state.step), int(state.examples_seen)
    self.reported = step
    train_step = functools.cache(self.compile_step)
    watch = self.watch
    if step == 0 or step >= last:
      self.validate(step, state)
    batch = None
    while step < last:
      if batch is None:
        batch = self.next_batch(batches)
      step += 1
      turn = self.setup.turn(step)
      with self.compiling(turn):
        state, metrics = train_step(turn)(state, batch)
      watch.add(step, examples, batch, metrics)
      examples += self.config.data.batch_size
      # The next batch is fetched and copied while the devices compute.
      batch = self.next_batch(batches) if step < last else None
      self.meter.add(metrics)
      if step == last:
        watch.look()
      if watch.diverged:
        state = self.go_back(state)
        step = int(state.step)
        continue
      self.after(step, state)
      if self.preemption.is_due() and step < last:
        self.stop(step, state)
        return state
    self.summarize()
    return state

  def compile_step(self, turn):
    """Returns the jitted step of a turn, see `Setup.turn`."""
    return jax.jit(
      step_lib.make_train_step(self.setup, turn),
      donate_argnums=0,
      out_shardings=devices.replicated(self.mesh),
      compiler_options=compiler_options.for_backend(),
    )

  @contextlib.contextmanager
  def compiling(self, turn):
    """Announces a turn's first call and leaves its time out of the speed."""
    if turn in self.compiled:
      yield
      return
    logging.info("compiling the training step; this may take minutes")
    with self.meter.paused():
      yield
    self.compiled.add(turn)

  def next_batch(self, batches):
    """Takes a batch from the stream and lays it on the devices."""
    with self.meter.waiting():
      batch = next(batches)
    return devices.put_batch(batch, self.mesh)

  def after(self, step: int, state) -> None:
    """Does what is due after a step."""
    schedule, last = self.config.schedule, self.config.schedule.steps
    self.log.after_step(step, self.meter.newest)
    if is_due(step, every=schedule.log_every_steps, last=last):
      self.report(step)
    if is_due(step, every=schedule.checkpoint_every_steps, last=last):
      self.watch.look()
      # A run that goes back must find what was before the trouble.
      if not self.watch.in_a_row or step == last:
        self.save(state)
    if is_due(step, every=schedule.evaluate_every_steps, last=last):
      with self.log.paused(), self.meter.paused():
        self.validate(step, state)
    self.checkpoints.check()

  def report(self, step: int) -> None:
    """Writes the means since the last report."""
    scalars = self.meter.take()
    self.log.scalars(step, {f"train/{k}": v for k, v in scalars.items()})
    shown = [name for name in _REPORTED if name in scalars]
    if scalars[step_lib.SKIPPED]:
      shown.append(step_lib.SKIPPED)
    self.log.report(step, {name: scalars[name] for name in shown})
    self.health.see_training(step, self.reported, scalars)
    self.reported = step

  def save(self, state) -> None:
    """Saves the state, and what was measured since the last report."""
    with self.log.paused(), self.meter.paused():
      self.checkpoints.save(
        state,
        self.config.to_dict(),
        window=self.meter.window(),
        skipped_in_a_row=self.watch.in_a_row,
      )
    self.went_back = False

  def stop(self, step: int, state) -> None:
    """Makes sure that the state is saved; the same command goes on from it."""
    self.watch.look()
    if self.checkpoints.latest_step() != step:
      self.save(state)
    self.checkpoints.wait()
    logging.info(
      "saved and stopped at step %d (%s); the same command goes on",
      step,
      self.preemption.reason,
    )

  def go_back(self, state):
    """Returns what was saved before the skipped steps, for other pictures.

    Raises:
      UserError: if it had gone back already and could not save since.
    """
    skipped = self.watch.skipped
    if self.went_back:
      folder = divergence.dump(
        self.workdir, skipped, state, self.config.to_dict()
      )
      raise errors.UserError(
        f"step {skipped.number}: {skipped.why}, and so it was before it went "
        "back; lower the learning rates in config.optimizer or set "
        f"config.optimizer.clip_norm; {folder} holds what reproduces it"
      )
    restored = self.restore(up_to=skipped.number - self.watch.in_a_row)
    self.went_back = True
    self.watch.forget()
    self.health.forget()
    self.meter = meter_lib.Meter(
      self.config.data.batch_size, window=restored.window
    )
    self.reported = int(restored.state.step)
    self.log.supersede(self.reported)
    logging.warning(
      "went back to step %d; examples before %d are left out",
      restored.state.step,
      state.examples_seen,
    )
    return restored.state.replace(examples_seen=state.examples_seen)

  def validate(self, step: int, state) -> None:
    """Scores the validation pictures and draws their strip."""
    if self.validation is None:
      return
    if not self.hole_l1:
      self.hole_l1["mean fill"] = self.validation.score_mean_fill()
    result = self.validation(state.best_generator)
    self.hole_l1[f"step {step}"] = result.scores["hole_l1"]
    original = result.scores["original_hole_chroma"]
    self.chroma = result.scores["hole_chroma"] / original if original else 1.0
    self.log.scalars(
      step, {f"validation/{k}": v for k, v in result.scores.items()}
    )
    self.log.line(
      step, {f"validation/{k}": result.scores[k] for k in _OF_VALIDATION}
    )
    if step:
      self.health.see_validation(step, result.scores)
    self.last_strip = self.log.strip(step, result.strip)

  def summarize(self) -> None:
    """Prints where the last strip is and how the error in the hole fell."""
    if self.validation is None or jax.process_index() > 0:
      return
    names = list(self.hole_l1)
    shown = dict.fromkeys([*names[:2], names[-1]])
    errors_in_hole = ", ".join(f"{n} {self.hole_l1[n]:.4f}" for n in shown)
    print(f"strip of completed validation pictures: {self.last_strip}")
    print(
      f"hole l1 on {self.validation.pictures} held-out pictures: "
      f"{errors_in_hole}; chroma {self.chroma:.2f} of the originals'"
    )
