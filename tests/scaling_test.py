"""Data of any type is scaled to the size of an evaluation."""

import numpy as np
import pytest

from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.evaluation import scaling


def cover(image, size, no_data=None):
  channels = image.shape[-1]
  values = values_lib.Values(channels, ((0.0, 9e4),) * channels, no_data)
  return scaling.cover(image, values.is_missing(image), size, values)


@pytest.mark.parametrize("channels", [1, 4, 13])
@pytest.mark.parametrize("dtype", values_lib.DTYPES)
def test_each_channel_is_scaled_by_itself_and_keeps_its_type(channels, dtype):
  most = 250 if dtype == np.uint8 else 30_000
  slope = np.linspace(0, most, 40)[:, None] / np.arange(1, channels + 1)
  image = np.broadcast_to(slope, (24, 40, channels)).astype(dtype)
  scaled, missing = cover(image, (12, 20))
  assert scaled.dtype == dtype and scaled.shape == (12, 20, channels)
  assert not missing.any()
  pairs = image[:12].reshape(12, 20, 2, channels).mean(axis=2)
  inner = np.s_[:, 3:-3]  # the filter reaches beyond the border
  assert np.abs(scaled[inner] - pairs[inner]).max() <= 1


@pytest.mark.parametrize(
  ("dtype", "no_data"), [(np.float32, None), (np.uint16, 0.0)]
)
def test_what_is_mixed_with_missing_is_missing(dtype, no_data):
  draw = np.random.default_rng(0)
  image = draw.uniform(100, 60_000, (40, 40, 2)).astype(dtype)
  image[20, 20, 1] = np.nan if no_data is None else no_data
  scaled, missing = cover(image, (20, 20), no_data)
  assert missing[9:11, 9:11].all() and 0 < missing.sum() <= 6**2
  gap = scaled[missing]
  assert np.isnan(gap).all() if no_data is None else (gap == no_data).all()
  image[20, 20] = 7
  image[0, 0] = np.nan if no_data is None else no_data
  other, _ = cover(image, (20, 20), no_data)
  known = ~missing
  known[:5, :5] = False
  np.testing.assert_array_equal(other[known], scaled[known])


def test_overshoot_is_clipped_to_the_type_and_never_means_missing():
  image = np.zeros((40, 40, 1), np.uint16)
  image[:, 20:] = 65535
  scaled, _ = cover(image, (30, 30))
  assert scaled[:, :15].max() < 2**15 <= scaled[:, 15:].min()
  assert scaled.min() == 0 and scaled.max() == 65535
  # Bright pixels may become 65535, by rounding or clipping.
  image[:20, 20:] = 65000
  scaled, missing = cover(image, (30, 30), 65535.0)
  assert missing[20:, 17:].all() and not missing[:10].any()
  assert (scaled[:10, 15:] > 2**15).all()
  assert (scaled[~missing] != 65535).all()


def test_types_that_cannot_hold_no_data_are_scaled_too():
  values = values_lib.Values(1, ((0.0, 100.0),), -9999.0)
  image = np.full((40, 40, 1), 7, np.uint16)
  missing = np.zeros((40, 40), bool)
  scaled, missing = scaling.cover(image, missing, (16, 16), values)
  np.testing.assert_array_equal(scaled, np.full((16, 16, 1), 7))
  assert not missing.any()
