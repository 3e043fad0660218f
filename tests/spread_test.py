"""`spread`: what is shared by which devices, and how many there are."""

import os

import jax
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.inference import memory, spread
from tests import processes

# Of memory for the tests: more than one picture of 1024 x 1024 needs.
ONE_LARGE = 1.2e9


@pytest.fixture
def own_memory(monkeypatch):
  monkeypatch.setattr(memory, "uses_host_memory", lambda: False)
  monkeypatch.setattr(memory, "available", lambda: ONE_LARGE)


def choose(*batch, bucket=8):
  mesh, size = spread.choose(*batch, bucket=bucket)
  return dict(mesh.shape), size


def test_pictures_that_fit_are_shared_and_not_split(own_memory):
  assert choose(8, 1024, 1024) == ({"data": 8, "rows": 1}, (1024, 1024))
  assert choose(3, 1024, 1024) == ({"data": 3, "rows": 1}, (1024, 1024))
  assert choose(1, 1024, 1024) == ({"data": 1, "rows": 1}, (1024, 1024))


def test_picture_too_large_for_a_device_is_split_by_rows(own_memory):
  rows = {"data": 1, "rows": 8}
  assert choose(1, 1032, 2048) == (rows, (1088, 2048))
  assert choose(1, 1040, 2048, bucket=40) == (rows, (1280, 2048))


def test_what_does_not_fit_split_is_refused(own_memory):
  with pytest.raises(errors.UserError, match="8192 x 8192 pixels need"):
    choose(1, 8192, 8192)


def test_devices_of_one_memory_split_nothing(monkeypatch):
  monkeypatch.setattr(memory, "available", lambda: ONE_LARGE)
  assert memory.uses_host_memory()
  with pytest.raises(errors.UserError, match="2048 x 2048 pixels need"):
    choose(1, 2048, 2048)
  with pytest.raises(errors.UserError, match="8 pictures of 1024 x 1024"):
    choose(8, 1024, 1024)


@pytest.fixture
def updates(monkeypatch):
  """What `use_cores` asks of JAX, which has no device yet."""
  found = {}
  monkeypatch.setattr(jax.config, "update", found.__setitem__)
  monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_min_max=false")
  monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5, 7})
  return found


@pytest.mark.parametrize(("most", "devices"), [(9, 4), (3, 3), (1, 1)])
def test_cores_become_devices_as_many_as_have_work(updates, most, devices):
  spread.use_cores(most)
  assert updates == {"jax_num_cpu_devices": devices}


def test_number_of_devices_that_was_chosen_stays(updates, monkeypatch):
  monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=3")
  spread.use_cores(4)
  assert not updates


def test_program_has_the_devices_and_later_calls_do_nothing():
  program = (
    "import jax\n"
    "from gatedinpaint_jax.inference import spread\n"
    "spread.use_cores(10**6)\n"
    "found = len(jax.devices())\n"
    "spread.use_cores(1)\n"
    "assert len(jax.devices()) == found\n"
    "print(found)\n"
  )
  result = processes.run("-c", program)
  assert int(result.stdout) == len(os.sched_getaffinity(0))
