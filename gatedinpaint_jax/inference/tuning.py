"""Whether a run is long enough for programs that take longer to compile."""

import collections
from collections.abc import Iterable

# A size costs about 6 s of compiling, and a picture of 256 x 256 that shares
# two cores with another one gives back 0.05 s of them.
_PIXELS_OF_A_SIZE = 8_000_000
# Of a picture. In larger ones the attention takes most of the time: at 1024 x
# 1024 nothing is given back, and two cores need 1.2 GB instead of 0.9.
_MOST_PIXELS = 512 * 512


def pays(sizes: Iterable[tuple[int, int]]) -> bool:
  """Returns whether what all pictures save is more than what compiling costs.

  Args:
    sizes: (height, width) at which each picture is computed.
  """
  counted = collections.Counter(sizes)
  pixels = sum(
    height * width * pictures
    for (height, width), pictures in counted.items()
    if height * width <= _MOST_PIXELS
  )
  return pixels > _PIXELS_OF_A_SIZE * len(counted)
