"""How far a mean over pictures may be off, for having seen only these."""

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 2000
# Numbers that are gathered at once.
_CHUNK = 2**22


def of_mean(values: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
  """Returns the percentile bootstrap's 95 % interval of a mean.

  Args:
    values: `[N] float`, one score a picture.
    seed: of the 2000 resamples.

  Returns:
    (low, high); twice the value itself if there is only one, NaN if none.

  Source: Efron & Tibshirani 1993, chapter 13.
  """
  values = np.asarray(values, np.float64)
  count = len(values)
  if not count:
    return float("nan"), float("nan")
  generator = np.random.default_rng(seed)
  means, missing = [], RESAMPLES
  while missing:
    rows = min(missing, max(_CHUNK // count, 1))
    chosen = generator.integers(count, size=(rows, count))
    means.append(values[chosen].mean(axis=1))
    missing -= rows
  tail = (1 - CONFIDENCE) / 2
  low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
  return float(low), float(high)
