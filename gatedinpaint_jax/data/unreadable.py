"""Keeps count of pictures that cannot be read, and says when it is too many."""

from absl import logging

from gatedinpaint_jax import errors

# Stop when there are more than so many and more than this part of the set.
_PATIENCE = 10
_FRACTION = 0.01
_NAMED = 10


class Tally:
  """The unreadable pictures of one set, each counted and logged once.

  Attributes:
    names: the unreadable pictures met so far, in the order they were met.
  """

  def __init__(self, key: str, total: int, *, paired: bool = False):
    """Starts an empty tally.

    Args:
      key: the config key that names the set, for the messages.
      total: how many pictures the set has.
      paired: whether a picture may fail because of the sketch beside it.
    """
    self.names: dict[str, None] = {}
    self._key = key
    self._total = total
    self._also = " or its sketch, which must be of its size" if paired else ""

  def add(self, name: str) -> None:
    """Counts a picture.

    Raises:
      UserError: if that makes too many, naming the first of them.
    """
    if name in self.names:
      return
    self.names[name] = None
    logging.warning(
      "%s: cannot read %s as a picture%s; another takes its place (%d so far)",
      self._key,
      name,
      self._also,
      len(self.names),
    )
    count = len(self.names)
    if count > _PATIENCE and count > _FRACTION * self._total:
      raise self.error(f"more than {_FRACTION:.0%} of the set")

  def error(self, why: str) -> errors.UserError:
    """Returns the error that counts and names what was met so far."""
    names = list(self.names)
    listed = ", ".join(names[:_NAMED])
    if len(names) > _NAMED:
      listed += f" and {len(names) - _NAMED} more"
    return errors.UserError(
      f"{self._key}: {len(names)} of {self._total} pictures cannot be read"
      f"{self._also}, {why}: {listed}; replace or remove them"
    )
