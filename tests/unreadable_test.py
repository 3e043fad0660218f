import logging

import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import unreadable


def test_each_picture_is_counted_and_logged_once(caplog):
  tally = unreadable.Tally("config.data.path", 5)
  with caplog.at_level(logging.WARNING, logger="absl"):
    for name in ("a.jpg", "b.jpg", "a.jpg"):
      tally.add(name)
  assert list(tally.names) == ["a.jpg", "b.jpg"]
  assert [r.getMessage() for r in caplog.records] == [
    f"config.data.path: cannot read {name} as a picture; another takes its"
    f" place ({i} so far)"
    for i, name in ((1, "a.jpg"), (2, "b.jpg"))
  ]


def test_ten_are_tolerated_in_a_small_set():
  tally = unreadable.Tally("config.data.path", 20)
  for i in range(10):
    tally.add(f"{i}.jpg")
  with pytest.raises(
    errors.UserError,
    match=r"^config\.data\.path: 11 of 20 pictures cannot be read, more than 1%"
    r" of the set: 0\.jpg, .*, 9\.jpg and 1 more; replace or remove them$",
  ):
    tally.add("10.jpg")


def test_one_percent_is_tolerated_in_a_large_set():
  tally = unreadable.Tally("config.data.path", 2000)
  for i in range(20):
    tally.add(f"{i}.jpg")
  with pytest.raises(errors.UserError, match="21 of 2000"):
    tally.add("20.jpg")
