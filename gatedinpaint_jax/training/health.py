"""Warns, once each, about symptoms of a training run that goes wrong.

docs/training.md shows the good and bad runs that the thresholds come from.
"""

from collections.abc import Mapping

import jax
from absl import logging

# At 4 the error was 3 % above that at 8; smaller batches were not measured.
MIN_BATCH_SIZE = 4
# Gap between the mean scores of real and completed pictures: up to 1.6 in good
# runs, 2.2 against a grey generator. From 2 on, both margins of the hinge loss
# can be satisfied, and the discriminator has nothing left to learn.
MAX_SCORE_GAP = 2.0
SCORE_GAP_STEPS = 300
# Contrast in the holes relative to the originals; 0.4 to 0.6 in good runs.
MIN_CONTRAST = 0.1
# Mean gate of a layer; 0.41 to 0.53 in good runs of hundreds of steps.
MIN_GATE, MAX_GATE = 0.02, 0.98
# Mean share of the picture. Training with 0.49 instead of 0.31 raised the error
# in the same holes by 3 %, with 0.73 by 10 %.
MAX_HOLE_FRACTION = 0.5


class Health:
  """Checks reports and validations; each warning appears once per process."""

  def __init__(self, *, batch_size: int, has_hinge: bool):
    """Checks the batch size; scores have a known scale only with hinge loss."""
    self._has_hinge = has_hinge
    self._warned = set()
    self.reset()
    if batch_size < MIN_BATCH_SIZE:
      self._warn(
        "batch",
        f"config.data.batch_size={batch_size}: trains badly, take "
        f"{MIN_BATCH_SIZE} or more; config.optimizer.accumulation_steps saves "
        "memory",
      )

  def reset(self, step: int = 0) -> None:
    """Starts over at a step, after a run resumed or went back."""
    self._reported = step
    self._gap_since = None
    self._is_flat = False

  def check_training(self, step: int, means: Mapping[str, float]) -> None:
    """Checks the means of the metrics since the last report."""
    previous, self._reported = self._reported, step
    hole = means.get("hole_fraction", 0.0)
    if hole > MAX_HOLE_FRACTION:
      self._warn(
        "holes",
        f"holes cover {hole:.0%} of the pictures; above "
        f"{MAX_HOLE_FRACTION:.0%} little is learned, so make those of "
        "config.mask smaller",
      )
    # A discriminator that trains alone is supposed to win.
    if not self._has_hinge or "adversarial_loss" not in means:
      return
    gap = means["real_score"] - means["fake_score"]
    if gap <= MAX_SCORE_GAP:
      self._gap_since = None
      return
    if self._gap_since is None:
      self._gap_since = previous
    if step - self._gap_since >= SCORE_GAP_STEPS:
      self._warn(
        "scores",
        f"step {step}: the discriminator has won: its scores of real and "
        f"completed pictures are {gap:.2f} apart and have been more than "
        f"{MAX_SCORE_GAP} apart for {step - self._gap_since} steps; lower "
        "config.optimizer.discriminator_learning_rate or start again",
      )

  def check_validation(self, step: int, scores: Mapping[str, float]) -> None:
    """Checks the scores of a validation, except the one before training."""
    original = scores["original_hole_contrast"]
    contrast = scores["hole_contrast"] / original if original else 1.0
    was_flat, self._is_flat = self._is_flat, contrast < MIN_CONTRAST
    if was_flat and self._is_flat:
      self._warn(
        "contrast",
        f"step {step}: holes are filled with one colour, for the second time in"
        f" a row: their contrast is {contrast:.2f} of the originals', below "
        f"{MIN_CONTRAST}; raise the learning rates in config.optimizer or lower"
        " config.loss.adversarial",
      )
    for name, gate in scores.items():
      # Neither is true of NaN.
      if name.startswith("gate/") and (gate < MIN_GATE or gate > MAX_GATE):
        self._warn(
          "gates",
          f"step {step}: the gates of {name.removeprefix('gate/')} are all "
          f"{'closed' if gate < MIN_GATE else 'open'}, {gate:.3f} on average, "
          f"where {MIN_GATE} to {MAX_GATE} is usual; lower the learning rates "
          "in config.optimizer",
        )

  def _warn(self, kind: str, text: str) -> None:
    if kind not in self._warned and jax.process_index() == 0:
      self._warned.add(kind)
      logging.warning("%s", text)
