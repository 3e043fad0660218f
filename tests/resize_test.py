import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax.layers import resize
from tests import released


def test_reductions_take_the_rows_that_the_released_program_takes():
  tables = released.load("resize_nearest_index")
  checked = 0
  for name, expected in tables.items():
    kind, size = name.split("_")
    if kind in ("down2", "down4"):
      actual = resize.nearest_source_indices(int(size), int(kind[-1]))
      np.testing.assert_array_equal(actual, expected, err_msg=name)
      checked += 1
  assert checked >= 30


def test_upsampling_repeats_as_the_released_program_does():
  tables = released.load("resize_nearest_index")
  for size in (8, 12, 64, 170):
    rows = jnp.arange(size).reshape(1, size, 1, 1)
    doubled = resize.upsample_x2(jnp.broadcast_to(rows, (1, size, 3, 2)))
    assert doubled.shape == (1, 2 * size, 6, 2)
    np.testing.assert_array_equal(doubled[0, :, 0, 0], tables[f"up2_{size}"])


def test_size_that_the_factor_does_not_divide_is_refused():
  with pytest.raises(ValueError, match="10 rows cannot be reduced by 4"):
    resize.nearest_source_indices(10, 4)
