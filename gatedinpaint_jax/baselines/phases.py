"""Which network learns at which step of a run."""

import dataclasses
import enum


class Turn(enum.Enum):
  """What one training step does.

  COMPLETION moves the generator without the discriminator's opinion,
  DISCRIMINATION the discriminator alone, BOTH first it and then the generator.
  """

  COMPLETION = "completion"
  DISCRIMINATION = "discrimination"
  BOTH = "both"


@dataclasses.dataclass(frozen=True)
class Phases:
  """The turns of a run: some alone at first, then both networks.

  Attributes:
    completion_steps: the generator's, at first; None: all of them.
    discriminator_steps: the discriminator's, after those.
    generator_every_steps: of the rest, how often the generator moves too.
  """

  completion_steps: int | None = 0
  discriminator_steps: int = 0
  generator_every_steps: int = 1

  def generator_moves(self, steps: int) -> int:
    """Returns in how many of the first `steps` the generator moves."""
    if self.completion_steps is None:
      return steps
    alone = self.completion_steps + self.discriminator_steps
    together = max(steps - alone, 0) // self.generator_every_steps
    return min(steps, self.completion_steps) + together

  def discriminator_moves(self, steps: int) -> int:
    """Returns in how many of the first `steps` the discriminator moves."""
    if self.completion_steps is None:
      return 0
    return max(steps - self.completion_steps, 0)

  def at(self, step: int) -> Turn:
    """Returns what the step with this number does, counted from 1."""
    if self.completion_steps is None or step <= self.completion_steps:
      return Turn.COMPLETION
    together = step - self.completion_steps - self.discriminator_steps
    if together <= 0 or together % self.generator_every_steps:
      return Turn.DISCRIMINATION
    return Turn.BOTH
