"""Warns once of each thing that is wrong with a training that goes on.

Where all is well it says nothing. docs/training.md shows the curves of good and
bad runs from which the limits were taken.
"""

import math
from collections.abc import Mapping

from absl import logging

# Fewer pictures a step than any run that we have seen go well.
LEAST_BATCH = 4
# In good runs the scores of real and completed pictures differ by up to 1.0 on
# average; at 2 the hinge loss is 0 and the generator gets no more advice.
MOST_APART = 1.5
STEPS_APART = 300
# Of the contrast of the originals in the holes; 0.4 and more in good runs.
LEAST_CONTRAST = 0.1
# A layer's mean gate; between 0.2 and 0.8 in good runs.
GATES_SHUT, GATES_OPEN = 0.02, 0.98
# Of the picture; see the runs with larger holes.
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
