"""Warns once of each thing that is wrong with a training that goes on.

Where all is well it says nothing. docs/training.md shows the curves of good and
bad runs from which the limits were taken.
"""

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
  """Sees what a run measures."""

  def __init__(self, *, batch_size: int, has_hinge: bool):
    """Looks at the batch.

    Args:
      batch_size: pictures in a step.
      has_hinge: whether scores are those of a hinge loss, whose size means
        something.
    """
    self._has_hinge = has_hinge
    self._apart_since = None
    self._told = set()
    if batch_size < LEAST_BATCH:
      self._warn(
        "batch",
        f"config.data.batch_size={batch_size}: trains badly below "
        f"{LEAST_BATCH}; take more, or the same number in parts "
        "(config.optimizer.accumulation_steps)",
      )

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
        f"holes take {hole:.0%} of the pictures, above {MOST_HOLE:.0%} little "
        "is learned; make those of config.mask smaller",
      )
    if not self._has_hinge or "real_score" not in means:
      return
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

  def see_validation(self, step: int, scores: Mapping[str, float]) -> None:
    """Looks at the scores of a validation after some training."""
    contrast = scores["hole_contrast"]
    original = scores["original_hole_contrast"]
    if contrast < LEAST_CONTRAST * original:
      share = contrast / original
      self._warn(
        "contrast",
        f"step {step}: holes are filled with one colour, {share:.2f} of the "
        f"originals' contrast, below {LEAST_CONTRAST}; if it stays, "
        "raise the learning rates in config.optimizer or lower "
        "config.loss.adversarial",
      )
    for name, gate in scores.items():
      if not name.startswith("gate/"):
        continue
      if not GATES_SHUT <= gate <= GATES_OPEN:
        state = "shut" if gate < GATES_SHUT else "open"
        self._warn(
          "gates",
          f"step {step}: the gates of {name.removeprefix('gate/')} are all "
          f"{state}, {gate:.3f} on average, where {GATES_SHUT} to {GATES_OPEN} "
          "is usual; lower the learning rates in config.optimizer",
        )

  def _warn(self, kind: str, text: str) -> None:
    if kind not in self._told:
      self._told.add(kind)
      logging.warning("%s", text)
