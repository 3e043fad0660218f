import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import unreadable


def test_one_percent_is_tolerated_in_a_large_set():
  tally = unreadable.Tally("config.data.path", 2000)
  for i in range(20):
    tally.add(f"{i}.jpg")
  with pytest.raises(errors.UserError, match="21 of 2000"):
    tally.add("20.jpg")
