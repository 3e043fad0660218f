import numpy as np
import pytest

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import values, visualize
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
  scale = visualize.fit_scale([np.zeros((1, 1, 3), np.uint8)], values.Values())
  assert scale.text == ""
  panels = visualize.draw_panels(batch, output, completed, scale)
  strip = visualize.strip(panels)
  assert strip.shape == (14 + 2 * 16, 6 * 24, 3)
  rows = strip[14:].reshape(2, 16, 6, 24, 3)
  assert np.all(rows[0, :, 0] == 128)
  assert np.all(rows[1, :, 0] == 255)
  np.testing.assert_array_equal(rows[0, 4, 1, 4], [0, 0, 0])  # the sketch
  np.testing.assert_array_equal(rows[0, 4, 1, 5], [255, 255, 255])  # the hole
  assert np.all(rows[:, :, 2] == 0)
  np.testing.assert_array_equal(rows[0, 4, 4, 4], [255, 255, 255])
  np.testing.assert_array_equal(rows[0, 0, 4, 0], [128, 128, 128])


def test_photographs_are_drawn_to_the_level_in_both_depths():
  levels = np.arange(256, dtype=np.uint8).reshape(4, -1, 1).repeat(3, axis=-1)
  scale = visualize.fit_scale([levels], values.PHOTOGRAPHS)
  np.testing.assert_array_equal(scale.draw(levels), levels)
  deep = levels.astype(np.uint16) * 257
  np.testing.assert_array_equal(scale.draw(deep), levels)
  image = np.random.default_rng(0).uniform(-1.1, 1.1, (2, 8, 8, 3))
  image = image.astype(np.float32)
  np.testing.assert_array_equal(
    scale.draw(visualize.to_units(image, values.PHOTOGRAPHS)),
    batch_lib.to_uint8(image),
  )


def test_scale_is_that_of_all_known_values_between_two_percentiles():
  # 0 to 100 of which two are outliers, and a place without a value.
  image = np.arange(1000, 1101, dtype=np.int16).reshape(101, 1, 1)
  one, other = image[:50], np.append(image[50:], -999).reshape(-1, 1, 1)
  of = values.Values(1, ((0, 5000),), no_data=-999)
  scale = visualize.fit_scale([one, other.astype(np.int16)], of)
  assert scale.text == "channel 0: 1001 to 1099"
  drawn = scale.draw(np.array([[[0]], [[1050]], [[4000]], [[-999]]], np.int16))
  np.testing.assert_array_equal(
    drawn[:, 0], [[0] * 3, [128] * 3, [255] * 3, visualize.MISSING]
  )


@pytest.mark.parametrize(
  ("channels", "count", "shown"),
  [
    ((), 4, (0, 1, 2)),
    ((3, 1, 2), 4, (3, 1, 2)),
    ((2,), 4, (2,)),
    ((), 2, (0,)),
  ],
)
def test_chosen_channels_are_drawn_each_in_its_own_scale(
  channels, count, shown
):
  # Channel c goes from 100 c to 100 c + 4.
  image = np.arange(5, dtype=np.uint16)[:, None, None] + 100 * np.arange(
    count, dtype=np.uint16
  )
  image = image.repeat(100, axis=1)
  scale = visualize.fit_scale(image[None], values.Values(count), channels)
  names, ranges = scale.text.split(": ")
  s = "s" if len(shown) > 1 else ""
  assert names == f"channel{s} {', '.join(map(str, shown))}"
  assert ranges == ", ".join(f"{100 * c} to {100 * c + 4}" for c in shown)
  expected = np.broadcast_to([0, 64, 128, 191, 255], (3, 100, 5)).T
  np.testing.assert_array_equal(scale.draw(image), expected)


@pytest.mark.parametrize("value", [7, np.nan])
def test_range_is_the_scale_of_one_value_and_of_none(value):
  image = np.full((4, 4, 1), value, np.float32)
  of = values.Values(1, ((-10, 24),))
  scale = visualize.fit_scale([image], of)
  assert scale.text == "channel 0: -10 to 24"
  expected = visualize.MISSING if np.isnan(value) else [128] * 3
  assert np.all(scale.draw(image) == expected)


def test_strip_of_other_data_shows_missing_places_and_the_scale():
  image = np.linspace(-1, 1, 256, dtype=np.float32).reshape(1, 16, 16, 1)
  unknown, mask = np.zeros((2, 1, 16, 16, 1), np.float32)
  unknown[:, :4], mask[:, :8] = 1, 1
  of = values.Values(1, ((-50, 50),))
  batch = batch_lib.Batch(image * (1 - unknown), mask, None, unknown)
  output = inpaint_generator.GeneratorOutput(
    coarse=-np.ones_like(image),
    refined=np.ones_like(image),
    offsets=np.zeros((1, 2, 2, 2), np.int32),
  )
  originals = visualize.to_units(batch.image, of, unknown)
  scale = visualize.fit_scale(originals, of)
  completed = batch_lib.complete(output.refined, batch)
  panels = visualize.draw_panels(batch, output, completed, scale)
  strip = visualize.strip(panels, scale.text)
  assert strip.shape == (2 * 14 + 16, 6 * 16, 3)
  assert np.any(strip[14:28] < 128)  # the text
  rows = panels[0].reshape(16, 6, 16, 3)
  assert np.all(rows[:4, :2] == visualize.MISSING)
  assert np.all(rows[4:8, 1] == 255)
  np.testing.assert_array_equal(rows[8:, 0], rows[8:, 1])
  assert np.all(rows[:, 2] == 0) and np.all(rows[:, 3] == 255)
  # The filled picture is what a person gets, missing places included.
  assert np.all(rows[:8, 4] == 255)
  np.testing.assert_array_equal(rows[8:, 4], rows[8:, 0])
