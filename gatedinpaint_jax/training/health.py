"""Warns once of each thing that is wrong with a training that goes on.

Where all is well it says nothing. docs/training.md shows the curves of good and
bad runs from which the limits were taken.
"""

import math
from collections.abc import Mapping

from absl import logging

# With 4 the error was 3 % above that with 8; with fewer nothing was measured.
LEAST_BATCH = 4
# How far the mean scores of real and completed pictures are apart: up to 1.6
# in good runs, 2.2 against a grey generator. At 2 both margins of the hinge can
# be met, and the discriminator has nothing left to learn.
MOST_APART = 2.0
STEPS_APART = 300
# Of the originals' contrast in the holes; 0.4 to 0.6 in good runs.
LEAST_CONTRAST = 0.1
# A layer's mean gate; 0.41 to 0.53 in good runs of hundreds of steps.
GATES_SHUT, GATES_OPEN = 0.02, 0.98
# Mean share of the picture. Trained with 0.49 instead of 0.31 the error in the
# same holes was 3 % higher, with 0.73 it was 10 % higher.
MOST_HOLE = 0.5


class Health:
  """Warns of what goes wrong, each once for as long as the process runs."""

  def __init__(
    self, *, batch_size: int, has_hinge: bool, is_first: bool = True
  ):
    """Looks at the batch.

    Args:
      batch_size: pictures in a step.
      has_hinge: whether the generator learns from scores of a hinge loss, whose
        size means something.
      is_first: whether this is the process that tells.
    """
    self._has_hinge = has_hinge
    self._is_first = is_first
    self._told = set()
    self.forget()
    if batch_size < LEAST_BATCH:
      self._warn(
        "batch",
        f"config.data.batch_size={batch_size}: trains badly, take "
        f"{LEAST_BATCH} or more; config.optimizer.accumulation_steps saves "
        "memory",
      )

  def forget(self) -> None:
    """Counts anew, after a run went back."""
    self._apart_since = None
    self._is_flat = False

  def see_training(
    self, step: int, previous: int, means: Mapping[str, float]
  ) -> None:
    """Looks at a report.

    Args:
      step: of the report.
      previous: step of the one before.
      means: of the metrics of the steps in between.
    """
    hole = means.get("hole_fraction", 0.0)
    if hole > MOST_HOLE:
      self._warn(
        "holes",
        f"holes take {hole:.0%} of the pictures, and above {MOST_HOLE:.0%} "
        "little is learned; make those of config.mask smaller",
      )
    # Where the discriminator learns alone, it is meant to win.
    if self._has_hinge and "adversarial_loss" in means:
      self._see_scores(step, previous, means)

  def see_validation(self, step: int, scores: Mapping[str, float]) -> None:
    """Looks at the scores of a validation after some training."""
    original = scores["original_hole_contrast"]
    was_flat, share = self._is_flat, 1.0
    if original:
      share = scores["hole_contrast"] / original
    self._is_flat = share < LEAST_CONTRAST
    if was_flat and self._is_flat:
      self._warn(
        "contrast",
        f"step {step}: holes are filled with one colour, as before: "
        f"{share:.2f} of the originals' contrast, and {LEAST_CONTRAST} is "
        "little; raise the learning rates of config.optimizer or lower "
        "config.loss.adversarial",
      )
    for name, gate in scores.items():
      if name.startswith("gate/") and math.isfinite(gate):
        self._see_gate(step, name.removeprefix("gate/"), gate)

  def _see_scores(self, step, previous, means):
    apart = means["real_score"] - means["fake_score"]
    if apart <= MOST_APART:
      self._apart_since = None
      return
    if self._apart_since is None:
      self._apart_since = previous
    if step - self._apart_since >= STEPS_APART:
      self._warn(
        "scores",
        f"step {step}: the discriminator has won, its scores of real and "
        f"completed pictures are {apart:.2f} apart and were above {MOST_APART} "
        f"for {step - self._apart_since} steps; lower config.optimizer."
        "discriminator_learning_rate, or begin again",
      )

  def _see_gate(self, step, layer, gate):
    if GATES_SHUT <= gate <= GATES_OPEN:
      return
    state = "shut" if gate < GATES_SHUT else "open"
    self._warn(
      "gates",
      f"step {step}: the gates of {layer} are all {state}, {gate:.3f} on "
      f"average, where {GATES_SHUT} to {GATES_OPEN} is usual; lower the "
      "learning rates of config.optimizer",
    )

  def _warn(self, kind: str, text: str) -> None:
    if kind not in self._told and self._is_first:
      self._told.add(kind)
      logging.warning("%s", text)
