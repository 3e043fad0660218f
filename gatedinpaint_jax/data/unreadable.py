"""Counts pictures that cannot be read, and fails when there are too many."""

from absl import logging

from gatedinpaint_jax import errors

# Fail when there are more than both this number and this fraction of the set.
_PATIENCE = 10
_FRACTION = 0.01
_NAMED = 10


def are_too_many(count: int, total: int) -> bool:
  """Returns whether so many unreadable pictures of a set end a training."""
  return count > _PATIENCE and count > _FRACTION * total


class Tally:
  """The unreadable pictures of one set, each counted and logged once."""

  def __init__(self, key: str, total: int, *, paired: bool = False):
    """Starts empty, for the `total` pictures that the config key `key` names.

    If they are `paired`, a picture may also fail because of its sketch.
    """
    self.names: dict[str, None] = {}  # in the order they were met
    self._key = key
    self._total = total
    self._also = " or its sketch, which must be of its size" if paired else ""

  def add(self, name: str) -> None:
    """Counts a picture; raises UserError if there are too many now."""
    if name in self.names:
      return
    self.names[name] = None
    count = len(self.names)
    logging.warning(
      "%s: cannot read %s as a picture%s; another takes its place (%d so far)",
      *(self._key, name, self._also, count),
    )
    if are_too_many(count, self._total):
      raise self.error(f"more than {_FRACTION:.0%} of the set")

  def error(self, why: str, reason: str = "") -> errors.UserError:
    """Returns an error that counts and names the unreadable pictures.

    A reason is that of the first of them.
    """
    names, reason = list(self.names), reason and f"; the first: {reason}"
    listed = ", ".join(names[:_NAMED])
    if len(names) > _NAMED:
      listed += f" and {len(names) - _NAMED} more"
    return errors.UserError(
      f"{self._key}: {len(names)} of {self._total} pictures cannot be read"
      f"{self._also}, {why}: {listed}; replace or remove them{reason}"
    )
