"""Values keep their type, their range and what is missing."""

import numpy as np
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax import values as values_lib


def test_values_are_mapped_from_the_range_of_each_channel_and_back():
  values = values_lib.Values(2, ((0.0, 10.0), (-5.0, 5.0)))
  pixels = np.array([[[0, -5], [10, 5], [5, 0], [12, -7]]], np.int16)
  expected = [[[-1, -1], [1, 1], [0, 0], [1, -1]]]
  np.testing.assert_allclose(values.normalize(pixels), expected, atol=1e-6)
  restored = values.restore(expected, np.int16)
  np.testing.assert_array_equal(restored, np.clip(pixels, [0, -5], [10, 5]))


@pytest.mark.parametrize(
  ("no_data", "dtype", "nearest"),
  [(0.0, np.uint8, 1), (255.0, np.uint8, 254), (-5.0, np.int16, -4)],
)
def test_what_is_filled_is_not_missing(no_data, dtype, nearest):
  values = values_lib.Values(1, ((-5.0, 255.0),), no_data)
  given = np.full((1, 1, 1), 2 * (no_data + 5) / 260 - 1, np.float32)
  assert values.restore(given, dtype).item() == nearest


def test_ranges_beyond_a_type_are_clipped_to_it():
  values = values_lib.Values(1, ((-1e6, 1e6),))
  ends = np.array([[[-1.0], [1.0]]], np.float32)
  restored = values.restore(ends, np.int16).ravel()
  np.testing.assert_array_equal(restored, [-(2**15), 2**15 - 1])


@pytest.mark.parametrize(
  "value_range",
  [(5, 5), (2, 1), (0, float("nan")), (1e8, 1e8 + 1), (-3e38, 3e38), ("a", 1)],
)
def test_ranges_that_float32_cannot_use_are_refused(value_range):
  config = {"model": {"channels": 1}, "data": {"value_range": value_range}}
  with pytest.raises(
    errors.UserError, match=r"config\.data\.value_range=.*must"
  ):
    values_lib.from_config(config)


def test_channels_of_a_model_are_chosen():
  rgba = np.arange(16, dtype=np.uint8).reshape(2, 2, 4)
  np.testing.assert_array_equal(values_lib.select(rgba, 3), rgba[..., :3])
  assert values_lib.select(rgba, 4) is rgba
  grey = values_lib.select(rgba, 1)
  assert grey.shape == (2, 2, 1) and grey[0, 0, 0] == round(0.587 + 2 * 0.114)
  np.testing.assert_array_equal(values_lib.select(grey, 3), grey[..., [0] * 3])
  with pytest.raises(errors.UserError, match="has 4 channels"):
    values_lib.select(rgba, 5)
