import types

import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.inference import memory


def test_picture_that_needs_more_than_is_free_is_refused(monkeypatch):
  monkeypatch.setattr(memory, "available", lambda: 10**9)
  memory.check_fits(1, 512, 512)
  with pytest.raises(errors.UserError, match=r"1024 x 2048 .* GB .*1\.0 GB"):
    memory.check_fits(1, 1024, 2048)
  with pytest.raises(errors.UserError, match="4 pictures of 512 x 512"):
    memory.check_fits(4, 512, 512)


def test_picture_with_detail_needs_memory_of_the_host(monkeypatch):
  free = types.SimpleNamespace(available=10**9)
  monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: free)
  memory.check_fits_with_detail(2048, 2048, 3)
  with pytest.raises(
    errors.UserError, match=r"4000 x 3000 .* 1\.3 GB and 1\.0"
  ):
    memory.check_fits_with_detail(4000, 3000, 3)


@pytest.mark.parametrize(("side", "measured"), [(1024, 0.8e9), (2048, 2.5e9)])
def test_need_of_cores_that_share_rows_is_what_was_measured(side, measured):
  both = 2 * memory.needed(1, side, side, devices=2)
  assert measured < both < 1.4 * measured
  assert memory.needed(1, side, side, devices=8) < both / 3


def test_cores_that_share_rows_share_the_scores_and_accelerators_do_not(
  monkeypatch,
):
  one = memory.needed(1, 512, 512)
  assert memory.needed(1, 512, 512, devices=4) < 0.35 * one
  monkeypatch.setattr(memory, "uses_host_memory", lambda: False)
  assert memory.needed(1, 512, 512, devices=4) > 0.6 * one


@pytest.mark.parametrize(
  ("pictures", "side", "measured"),
  [
    (4, 256, 0.17e9),
    (1, 384, 0.14e9),
    (1, 512, 0.49e9),
    (1, 1024, 0.48e9),
    (1, 2048, 1.6e9),
  ],
)
def test_need_is_what_was_measured_or_a_little_more(pictures, side, measured):
  assert measured < memory.needed(pictures, side, side) < 1.4 * measured


def test_some_memory_is_free():
  assert 10**8 < memory.available() < 10**15
