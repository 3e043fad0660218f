import numpy as np

from gatedinpaint_jax import batch as batch_lib


def test_pixel_values_are_rounded_and_clipped():
  levels = batch_lib.to_uint8(np.array([-2.0, -1.0, 0.0, 0.003, 1.0, 3.0]))
  np.testing.assert_array_equal(levels, [0, 0, 128, 128, 255, 255])


def test_pixel_values_come_back_as_they_were():
  levels = np.arange(256, dtype=np.uint8)
  image = batch_lib.from_uint8(levels.astype(np.float32))
  assert image.min() == -1 and image.max() == 1
  np.testing.assert_array_equal(batch_lib.to_uint8(image), levels)


def test_bytes_become_the_floats_of_the_convention():
  image = np.array([[[[0, 51, 255]]]], np.uint8)
  mask = np.ones((1, 1, 1, 1), np.uint8)
  batch = batch_lib.to_float(batch_lib.Batch(image, mask, mask))
  np.testing.assert_allclose(batch.image, [[[[-1, -0.6, 1]]]], atol=1e-6)
  assert batch.mask == batch.sketch == 1
  assert batch.unknown is None
  assert {x.dtype for x in batch[:3]} == {np.dtype(np.float32)}
  assert batch_lib.to_float(batch) is batch
