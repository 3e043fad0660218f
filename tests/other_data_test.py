"""Pictures of any channels, type and range are filled as photographs are."""

import numpy as np
import pytest

from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.fast import attention, convolution
from gatedinpaint_jax.inference import inpainter as inpainter_lib
from gatedinpaint_jax.networks import inpaint_generator
from tests import small_checkpoint

SIZE = 20, 27


def make(values, **kwargs):
  """A narrow inpainter for such values."""
  generator = inpaint_generator.InpaintGenerator(
    width=4,
    channels=values.channels,
    convolve=convolution.convolve,
    attend=attention.attend_on_cpu,
  )
  params = small_checkpoint.calm_params(channels=values.channels)
  kwargs = {"backend": "jax"} | kwargs
  return inpainter_lib.Inpainter(generator, params, values=values, **kwargs)


def draw(values, dtype):
  """Returns a picture within the range of the values, and a hole."""
  generator = np.random.default_rng(0)
  image = generator.uniform(-0.8, 0.8, (*SIZE, values.channels))
  hole = np.zeros(SIZE, bool)
  hole[5:15, 4:20] = True
  return values.restore(image, dtype), hole


RANGES = {
  np.uint8: (),
  np.uint16: ((0.0, 4095.0),),
  np.int16: ((-500.0, 3000.0),),
  np.float32: ((250.0, 320.0),),
}


@pytest.mark.parametrize("channels", [1, 4, 13])
@pytest.mark.parametrize("dtype", RANGES)
def test_result_has_the_type_of_the_picture_and_its_known_values(
  channels, dtype
):
  values = values_lib.Values(channels, RANGES[dtype] * channels)
  image, hole = draw(values, dtype)
  completed = make(values)(image, hole)
  assert completed.dtype == dtype and completed.shape == image.shape
  np.testing.assert_array_equal(completed[~hole], image[~hole])
  filled = completed[hole]
  low, high = values.bounds(dtype)
  assert (filled >= low).all() and (filled <= high).all()
  assert (filled != image[hole]).any(axis=0).all()


def test_values_beyond_the_range_are_kept_and_seen_as_its_bounds():
  values = values_lib.Values(1, ((0.0, 10.0),))
  image, hole = draw(values, np.float32)
  image[0] = 10
  inpaint = make(values)
  expected = inpaint(image, hole)
  image[0] = 1e6
  completed = inpaint(image, hole)
  np.testing.assert_array_equal(completed[1:], expected[1:])
  assert (completed[0] == 1e6).all()


@pytest.mark.parametrize("backend", ["jax", "openvino"])
@pytest.mark.parametrize(
  ("dtype", "no_data"), [(np.float32, None), (np.int16, -999.0)]
)
def test_missing_values_are_filled_alone_and_change_nothing(
  backend, dtype, no_data
):
  values = values_lib.Values(2, ((0.0, 1000.0),) * 2, no_data)
  image, hole = draw(values, dtype)
  gap = np.nan if no_data is None else no_data
  inpaint = make(values, backend=backend)
  given = image.copy()
  given[hole, 1] = gap
  completed = inpaint(given)
  np.testing.assert_array_equal(completed[~hole], image[~hole])
  assert not values.is_missing(completed).any()
  # What the other channel has at a missing place is not known either.
  given[hole, 0] = 17
  np.testing.assert_array_equal(inpaint(given), completed)


def test_missing_values_outside_of_the_mask_stay_and_are_no_source():
  values = values_lib.Values(1, ((0.0, 1.0),))
  image, hole = draw(values, np.float32)
  image[16:] = np.nan
  inpaint = make(values)
  completed = inpaint(image, hole)
  np.testing.assert_array_equal(completed[~hole], image[~hole])
  both = inpaint(image, hole | np.isnan(image[..., 0]))
  np.testing.assert_array_equal(completed[hole], both[hole])
  assert np.isfinite(both).all()


def test_integers_and_floats_of_one_picture_are_filled_alike():
  values = values_lib.Values(1, ((0.0, 4095.0),))
  image, hole = draw(values, np.uint16)
  inpaint = make(values)
  exact = inpaint(image.astype(np.float32), hole)
  rounded = inpaint(image, hole)
  assert np.abs(exact - rounded)[hole].max() <= 0.5 + 1e-3
  np.testing.assert_array_equal(exact[~hole], rounded[~hole])


def test_batch_equals_its_pictures():
  values = values_lib.Values(4, ((0.0, 1.0),) * 4)
  image, hole = draw(values, np.float32)
  batch = np.stack([image, image[::-1]])
  holes = np.stack([hole, hole[::-1]])
  batch[1, :2] = np.nan
  together = make(values)(batch, holes)
  for i in range(2):
    alone = make(values)(batch[i], holes[i])
    np.testing.assert_allclose(together[i], alone, atol=1e-5)


@pytest.mark.parametrize(
  ("image", "expected"),
  [
    (np.zeros((8, 8, 3), np.uint16), r"must be \[..., H, W, 2\]"),
    (np.zeros((8, 8, 2), np.float64), "image is float64"),
    (np.zeros((8, 8, 2), np.float32), r"must be uint8, uint16, int16, \[H"),
  ],
)
def test_other_channels_and_types_are_refused(image, expected):
  inpaint = make(values_lib.Values(2))
  with pytest.raises(ValueError, match=expected):
    inpaint(image, np.ones((8, 8), bool))


def test_photographs_need_a_mask():
  with pytest.raises(ValueError, match="photographs have no missing"):
    make(values_lib.PHOTOGRAPHS)(np.zeros((8, 8, 3), np.uint8))
