"""A number that was measured several times, for a line of JSON."""

import statistics
from collections.abc import Sequence


def summarize(values: Sequence[float], *, digits: int = 3) -> dict | None:
  """Returns median, least and greatest; None if nothing was measured.

  Args:
    values: in any order.
    digits: after the point.
  """
  if not len(values):
    return None
  values = {
    "median": statistics.median(values),
    "least": min(values),
    "greatest": max(values),
  }
  return {name: round(float(value), digits) for name, value in values.items()}
