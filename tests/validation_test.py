import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import values
from gatedinpaint_jax.networks import inpaint_generator
from gatedinpaint_jax.training import devices, validation
from tests import small_checkpoint, step_test


def parts(batch, size):
  return [
    jax.tree.map(lambda x, i=i: x[i : i + size], batch)
    for i in range(0, len(batch.image), size)
  ]


def validate(batches, device_count=1, params=None, dtype=jnp.float32, **kwargs):
  generator = inpaint_generator.InpaintGenerator(width=4, dtype=dtype)
  mesh = devices.make_mesh(jax.devices()[:device_count])
  run = validation.Validation(generator, batches, mesh, **kwargs)
  params = params or small_checkpoint.calm_params()
  return run, run(jax.device_put(params, devices.replicated(mesh)))


def test_scores_do_not_depend_on_how_pictures_are_batched():
  whole = step_test.make_batch(5)
  one, (expected, whole_strip) = validate([whole], batch_size=5, strips=3)
  two, (actual, strip) = validate(parts(whole, 2), 4, batch_size=2, strips=3)
  assert one.pictures == two.pictures == 5
  for name, score in expected.items():
    np.testing.assert_allclose(actual[name], score, rtol=1e-5)
  assert strip.shape == (14 + 3 * 16, 6 * 16, 3)
  difference = strip.astype(int) - whole_strip
  # Rounding to levels may turn a difference in the last bit into one level; the
  # colours of the attention depend on the longest offset of a batch.
  assert np.abs(difference[:, : 5 * 16]).max() <= 1


def test_gates_of_each_layer_are_averaged_in_float32():
  params = small_checkpoint.calm_params()
  # Gates that do not look at the picture, sigmoid(-1) and sigmoid(2).
  for layer, value in (("conv1", -1.0), ("conv5", 2.0)):
    kernel, bias = (params["coarse"][layer][k] for k in ("kernel", "bias"))
    half = len(bias) // 2
    kernel[..., half:], bias[half:] = 0, value
  _, (scores, *_) = validate(
    parts(step_test.make_batch(5), 3),
    params=params,
    dtype=jnp.bfloat16,
    batch_size=3,
    strips=1,
  )
  assert sum(name.startswith("gate/") for name in scores) == 16 + 24
  np.testing.assert_allclose(scores["gate/coarse.conv1"], 0.269, atol=1e-3)
  np.testing.assert_allclose(scores["gate/coarse.conv5"], 0.881, atol=2e-3)


def test_mean_fill_is_the_mean_colour_of_the_known_pixels():
  image = np.zeros((1, 16, 16, 3), np.float32)
  image[:, :, 8:] = 0.5
  mask = np.zeros((1, 16, 16, 1), np.float32)
  mask[:, :4] = 1
  generator, mesh = inpaint_generator.InpaintGenerator(), devices.make_mesh()
  batches = [batch_lib.Batch(image, mask)]
  run = validation.Validation(generator, batches, mesh, batch_size=8, strips=1)
  # Half of the hole is 0, half is 0.5, filled with 0.25: off by 1/8 of the
  # range everywhere.
  np.testing.assert_allclose(run.score_mean_fill(), 0.125, rtol=1e-6)


def test_known_pixels_count_in_the_error_of_the_picture_but_not_of_the_hole():
  batch = step_test.make_batch(1)
  completed = batch.image + 0.2 * batch.mask
  scores = validation.score(completed, batch)
  np.testing.assert_allclose(scores["hole_l1"], 0.1, rtol=1e-5)
  np.testing.assert_allclose(scores["l1"], 0.1 * 64 / 256, rtol=1e-5)


@pytest.mark.parametrize("channels", [1, 13])
def test_only_what_is_known_and_in_a_hole_is_scored(channels):
  rng = np.random.default_rng(0)
  image = rng.uniform(-1, 1, (3, 16, 16, channels)).astype(np.float32)
  mask = np.zeros((3, 16, 16, 1), np.float32)
  mask[:, 4:12, 4:12] = 1
  image[0, :8] = np.nan  # half of its hole
  image[1, 2:14, 2:14] = np.nan  # more than its hole
  image[2] = np.nan
  batch = values.to_batch(image, mask)
  completed = batch_lib.complete(batch.image + 0.2, batch)
  scores = validation.score(completed, batch)
  for name, found in scores.items():
    assert np.isfinite(found[0]), name
    assert np.isinf(found[1:]).all(), name
  np.testing.assert_allclose(scores["hole_l1"][0], 0.1, rtol=1e-5)
  np.testing.assert_allclose(scores["l1"][0], 0.1 * 32 / 128, rtol=1e-5)
  hole = image[0, 8:12, 4:12].reshape(-1, channels)
  np.testing.assert_allclose(
    scores["original_hole_chroma"][0], np.ptp(hole, axis=1).mean() / 2, 1e-5
  )
  np.testing.assert_allclose(
    scores["original_hole_contrast"][0], hole.std(axis=0).mean() / 2, rtol=1e-4
  )
  generator = inpaint_generator.InpaintGenerator(width=4, channels=channels)
  run = validation.Validation(
    generator, [batch], devices.make_mesh(), batch_size=3, strips=3
  )
  # The mean of the known pixels, and its error where it is scored.
  mean = image[0, 8:][mask[0, 8:, :, 0] == 0].mean(axis=0)
  expected = np.abs(hole - mean).mean() / 2
  np.testing.assert_allclose(run.score_mean_fill(), expected, rtol=1e-5)
