import numpy as np
from scipy import ndimage

from gatedinpaint_jax.baselines import losses


def test_distance_is_the_euclidean_one_of_each_picture():
  holes = np.random.default_rng(0).random((3, 24, 37)) < 0.9
  holes[:, 4:20, 6:30] = True
  holes[:, 0, 0] = False
  expected = np.stack([ndimage.distance_transform_edt(h) for h in holes])
  actual = losses.hole_distance(holes[..., None].astype(np.float32))
  np.testing.assert_allclose(actual[..., 0], expected, rtol=1e-6)


def test_picture_without_known_pixels_is_infinitely_far():
  assert np.isinf(losses.hole_distance(np.ones((1, 8, 8, 1)))).all()
