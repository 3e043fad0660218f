import numpy as np

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import visualize
from gatedinpaint_jax.networks import inpaint_generator
from tests import released


def test_offset_colours_equal_the_released_program():
  golden = released.load("attention_c1")
  colours = visualize.offset_colours(golden["offset_rel"])
  # The released program enlarges them bilinearly; the corners stay.
  expected = np.round((golden["flow_rgb"] + 1) * 127.5)
  np.testing.assert_array_equal(
    colours[:, [0, 0, -1, -1], [0, -1, 0, -1]],
    expected[:, [0, 0, -1, -1], [0, -1, 0, -1]],
  )


def test_no_offset_is_white_and_the_longest_is_full_colour():
  offsets = np.zeros((1, 2, 2, 2), np.int32)
  offsets[0, 0, 1] = (-3, 0)
  colours = visualize.offset_colours(offsets)
  np.testing.assert_array_equal(colours[0, 0, 0], [255, 255, 255])
  assert colours[0, 0, 1].min() == 0


def test_strip_shows_each_picture_in_its_own_row():
  image = np.zeros((2, 16, 24, 3), np.float32)
  image[1] = 1
  mask = np.zeros((2, 16, 24, 1), np.float32)
  mask[:, 4:8, 4:8] = 1
  batch = batch_lib.Batch(image, mask, sketch=mask * np.eye(16, 24)[..., None])
  output = inpaint_generator.GeneratorOutput(
    coarse=-np.ones_like(image),
    refined=np.ones_like(image),
    offsets=np.zeros((2, 2, 3, 2), np.int32),
  )
  completed = batch_lib.composite(output.refined, image, mask)
  strip = visualize.strip(visualize.draw_panels(batch, output, completed))
  assert strip.shape == (14 + 2 * 16, 6 * 24, 3)
  rows = strip[14:].reshape(2, 16, 6, 24, 3)
  assert np.all(rows[0, :, 0] == 128)
  assert np.all(rows[1, :, 0] == 255)
  np.testing.assert_array_equal(rows[0, 4, 1, 4], [0, 0, 0])  # the sketch
  np.testing.assert_array_equal(rows[0, 4, 1, 5], [255, 255, 255])  # the hole
  assert np.all(rows[:, :, 2] == 0)
  np.testing.assert_array_equal(rows[0, 4, 4, 4], [255, 255, 255])
  np.testing.assert_array_equal(rows[0, 0, 4, 0], [128, 128, 128])
