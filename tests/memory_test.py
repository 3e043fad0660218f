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


def test_need_grows_with_the_square_of_the_places_and_with_the_batch():
  assert memory.needed(2, 512, 512) == 2 * memory.needed(1, 512, 512)
  assert memory.needed(1, 2048, 2048) > 12 * memory.needed(1, 1024, 1024)


@pytest.mark.parametrize(
  ("pictures", "side", "measured"),
  [(1, 512, 0.55e9), (4, 256, 0.30e9), (1, 768, 1.69e9)],
)
def test_need_is_what_was_measured_or_a_little_more(pictures, side, measured):
  assert measured < memory.needed(pictures, side, side) < 1.6 * measured


def test_some_memory_is_free():
  assert 10**8 < memory.available() < 10**15
