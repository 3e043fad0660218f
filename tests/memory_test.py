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


def test_need_grows_with_the_picture_and_with_the_batch():
  assert memory.needed(2, 512, 512) == 2 * memory.needed(1, 512, 512)
  large, small = memory.needed(1, 2048, 2048), memory.needed(1, 1024, 1024)
  assert 3 * small < large < 4 * small


def test_need_of_a_device_falls_with_those_that_share_the_rows():
  one, two, eight = (
    memory.needed(1, 2048, 2048, devices=count) for count in (1, 2, 8)
  )
  # By XLA's account of programs for a CPU: 2.1, 1.4 and 0.38 GB.
  assert one > 1.4 * two > 2.4 * eight
  assert two > 1.4e9 and eight > 0.38e9


def test_cores_that_share_rows_share_the_scores_and_accelerators_do_not(
  monkeypatch,
):
  one = memory.needed(1, 512, 512)
  assert memory.needed(1, 512, 512, devices=4) < 0.35 * one
  monkeypatch.setattr(memory, "is_of_the_host", lambda: False)
  assert memory.needed(1, 512, 512, devices=4) > 0.6 * one


@pytest.mark.parametrize(
  ("pictures", "side", "measured"),
  [
    (4, 256, 0.30e9),
    (1, 384, 0.145e9),
    (1, 512, 0.5e9),
    (1, 1024, 0.74e9),
    (1, 2048, 2.5e9),
  ],
)
def test_need_is_what_was_measured_or_a_little_more(pictures, side, measured):
  assert measured < memory.needed(pictures, side, side) < 1.7 * measured


def test_some_memory_is_free():
  assert 10**8 < memory.available() < 10**15
