import json
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


def metrics(loss, *, skipped=False):
  return {"loss": jnp.asarray(loss), "skipped_steps": jnp.float32(skipped)}


def test_means_speed_and_waiting_since_the_last_report_without_pauses(clock):
  reading = meter.Meter(batch_size=8)
  for value in (1.0, 3.0):
    reading.add(metrics(value))
    clock(2)
  assert reading.take() == {
    "loss": 2.0,
    "skipped_steps": 0.0,
    "images_per_second": 4.0,
    "seconds_waited_for_data": 0.0,
  }
  reading.add(metrics(7.0))
  with reading.paused():
    clock(50)
  for _ in range(2):
    with reading.waiting():
      clock(1)
  assert reading.take() == {
    "loss": 7.0,
    "skipped_steps": 0.0,
    "images_per_second": 4.0,
    "seconds_waited_for_data": 2.0,
  }


def test_skipped_steps_are_counted_and_not_averaged():
  reading = meter.Meter(batch_size=4)
  for value, skipped in ((1.0, False), (float("nan"), True), (3.0, False)):
    reading.add(metrics(value, skipped=skipped))
  scalars = reading.take()
  assert (scalars["loss"], scalars["skipped_steps"]) == (2.0, 1.0)
  reading.add(metrics(float("nan"), skipped=True))
  scalars = reading.take()
  assert "loss" not in scalars and scalars["skipped_steps"] == 1.0


def test_newest_numbers_are_of_a_step_that_is_done():
  reading = meter.Meter(batch_size=4)
  assert reading.newest() == {}
  reading.add(metrics(1.0))
  assert reading.newest() == {}  # it may be under way
  for value in (2.0, 3.0):
    reading.add(metrics(value))
  assert reading.newest() == {"loss": 2.0, "skipped_steps": 0.0}


def test_window_that_goes_on_elsewhere_gives_the_same_means(clock):
  values = [0.1, 0.7, 0.3]
  whole = meter.Meter(batch_size=4)
  for value in values:
    whole.add(metrics(value))
  stopped = meter.Meter(batch_size=4)
  stopped.add(metrics(values[0]))
  window = json.loads(json.dumps(stopped.window()))
  resumed = meter.Meter(batch_size=4, window=window)
  for value in values[1:]:
    resumed.add(metrics(value))
  clock(2)
  expected, found = whole.take(), resumed.take()
  assert found["loss"] == expected["loss"]
  # Only what was done since the start is speed.
  assert found["images_per_second"] == 4.0
  assert expected["images_per_second"] == 6.0
