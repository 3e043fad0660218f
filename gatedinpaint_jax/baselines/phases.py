"""Which networks are updated at which step of a run."""

import dataclasses
import enum


class Turn(enum.Enum):
  """The networks that one training step updates."""

  GENERATOR = "generator"  # without adversarial loss
  DISCRIMINATOR = "discriminator"
  BOTH = "both"  # the discriminator, then the generator


@dataclasses.dataclass(frozen=True)
class Phases:
  """The phases of a run: generator, discriminator, then both."""

  completion_steps: int | None = 0  # of the first phase; None: the entire run
  discriminator_steps: int = 0  # of the second phase
  # In the third phase, the generator is updated once in this many steps, the
  # discriminator in every step.
  generator_every_steps: int = 1

  def generator_updates(self, steps: int) -> int:
    """Returns how many of the first `steps` steps update the generator."""
    if self.completion_steps is None:
      return steps
    alone = self.completion_steps + self.discriminator_steps
    together = max(steps - alone, 0) // self.generator_every_steps
    return min(steps, self.completion_steps) + together

  def discriminator_updates(self, steps: int) -> int:
    """Returns how many of the first `steps` steps update the discriminator."""
    if self.completion_steps is None:
      return 0
    return max(steps - self.completion_steps, 0)

  def at(self, step: int) -> Turn:
    """Returns the turn of a step, counted from 1."""
    if self.completion_steps is None or step <= self.completion_steps:
      return Turn.GENERATOR
    together = step - self.completion_steps - self.discriminator_steps
    if together <= 0 or together % self.generator_every_steps:
      return Turn.DISCRIMINATOR
    return Turn.BOTH
