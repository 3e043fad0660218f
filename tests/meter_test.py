import time

import jax.numpy as jnp
import pytest

from gatedinpaint_jax.training import meter


@pytest.fixture
def clock(monkeypatch):
  """A clock that stands still until it is told to move."""
  now = [100.0]
  monkeypatch.setattr(time, "monotonic", lambda: now[0])

  def move(seconds):
    now[0] += seconds

  return move


def test_means_and_speed_since_the_last_report(clock):
  reading = meter.Meter(batch_size=8)
  for value in (1.0, 3.0):
    reading.add({"loss": jnp.asarray(value)})
    clock(2)
  assert reading.take() == {
    "loss": 2.0,
    "images_per_second": 4.0,
    "seconds_waited_for_data": 0.0,
  }
  reading.add({"loss": jnp.asarray(7.0)})
  clock(1)
  again = reading.take()
  assert again["loss"] == 7.0
  assert again["images_per_second"] == 8.0


def test_pauses_do_not_count_and_waiting_is_summed(clock):
  reading = meter.Meter(batch_size=4)
  reading.add({"loss": jnp.asarray(0.0)})
  clock(2)
  with reading.paused():
    clock(50)
  for _ in range(2):
    with reading.waiting():
      clock(1)
  scalars = reading.take()
  assert scalars["images_per_second"] == 1.0
  assert scalars["seconds_waited_for_data"] == 2.0
