"""`Inpainter`: sizes, known pixels, and programs."""

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

import gatedinpaint_jax
from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.inference import inpainter as inpainter_lib
from gatedinpaint_jax.inference import memory
from gatedinpaint_jax.layers import chunked_attention, contextual_attention
from gatedinpaint_jax.networks import inpaint_generator
from tests import small_checkpoint

SIDES = st.integers(1, 40)


class FakeGenerator:
  """Predicts the sum of what it is given, so that a test sees all of it.

  Attributes:
    traces: the padded sizes of the programs that were compiled.
    guided: as of a real one.
  """

  def __init__(self, guided=False):
    self.traces = []
    self.guided = guided

  def apply(self, variables, incomplete, mask, sketch, *, padding):
    assert (sketch is not None) == self.guided
    self.traces.append(incomplete.shape[:3])
    seen = incomplete / 2 + mask / 4 + variables["params"]
    if sketch is not None:
      seen += sketch / 2
    padding = jnp.broadcast_to(padding, mask.shape)
    return inpaint_generator.GeneratorOutput(seen, seen, padding)


def make_fake(guided=False, **kwargs):
  generator = FakeGenerator(guided)
  params = np.zeros((1, 1, 1, 1), np.float32)
  return inpainter_lib.Inpainter(generator, params, **kwargs), generator


def draw_picture(seed, *shape):
  generator = np.random.default_rng(seed)
  image = generator.integers(0, 256, (*shape, 3), np.uint8)
  mask = 255 * generator.integers(0, 2, shape, np.uint8)
  return image, mask


@hypothesis.settings(deadline=None, max_examples=50)
@hypothesis.given(SIDES, SIDES, st.sampled_from([8, 16, 64]))
def test_size_stays_and_known_pixels_stay(height, width, bucket):
  inpainter, _ = make_fake(bucket=bucket)
  image, mask = draw_picture(0, height, width)
  before = image.copy()
  completed = inpainter(image, mask)
  assert completed.shape == image.shape and completed.dtype == np.uint8
  known = mask == 0
  np.testing.assert_array_equal(completed[known], image[known])
  # 0 + 1/4 is what the fake predicts in a hole: level 159.4.
  assert np.all(completed[~known] == 159)
  np.testing.assert_array_equal(image, before)


@hypothesis.settings(deadline=None, max_examples=10)
@hypothesis.given(st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=12))
def test_each_padded_size_is_compiled_once(sizes):
  inpainter, generator = make_fake()
  for height, width in sizes:
    image, mask = draw_picture(0, height, width)
    mask[0, 0] = 255
    inpainter(image, mask)
    inpainter(image, mask, return_details=True)
  padded = {(1, *inpainter.padded_size(*size)) for size in sizes}
  assert sorted(generator.traces) == sorted(padded)


def test_memory_holds_a_limited_number_of_programs(monkeypatch):
  monkeypatch.setattr(inpainter_lib, "_MOST_PROGRAMS", 2)
  inpainter, generator = make_fake()
  for width in (8, 16, 8, 16, 24, 24, 8):
    inpainter(*draw_picture(0, 8, width))
  # 8 and 16 were forgotten for 24.
  assert [shape[2] for shape in generator.traces] == [8, 16, 24, 8]
  assert inpainter._predict._cache_size() == 2


@hypothesis.settings(deadline=None, max_examples=20)
@hypothesis.given(SIDES, SIDES)
def test_exactly_what_was_added_is_marked_as_padding(height, width):
  inpainter, _ = make_fake()
  image, mask = draw_picture(0, height, width)
  padding = inpainter(image, mask, return_details=True).offsets[..., 0]
  assert padding.shape == inpainter.padded_size(height, width)
  assert np.all(padding[:height, :width] == 0)
  assert padding.sum() == padding.size - height * width


def test_levels_from_128_are_hole_and_above_153_are_lines():
  inpainter, _ = make_fake(guided=True)
  image = np.full((1, 5, 3), 100, np.uint8)
  mask = np.array([[0, 127, 128, 255, 128]], np.uint8)
  sketch = np.array([[255, 255, 153, 154, 0]], np.uint8)
  details = inpainter(image, mask, sketch, return_details=True)
  completed = details.image[0, :, 0]
  # A line adds 1/2 in the hole, and nothing outside of it.
  np.testing.assert_array_equal(completed, [100, 100, 159, 223, 159])
  known = batch_lib.from_uint8(100 / 2 + 127.5 / 2)
  np.testing.assert_allclose(details.refined[0, :2, 0], known, atol=1e-6)
  np.testing.assert_array_equal(
    inpainter(image, mask >= 128, sketch > 153)[0, :, 0], completed
  )


def test_guided_model_fills_without_a_sketch_too():
  inpainter, _ = make_fake(guided=True)
  image, mask = draw_picture(0, 6, 7)
  no_lines = np.zeros_like(mask)
  np.testing.assert_array_equal(
    inpainter(image, mask), inpainter(image, mask, no_lines)
  )


def test_details_hold_predictions_of_the_size_that_came_in():
  inpainter, _ = make_fake()
  image, mask = draw_picture(0, 2, 9, 17)
  details = inpainter(image, mask, return_details=True)
  assert details.coarse.shape == details.refined.shape == image.shape
  np.testing.assert_array_equal(details.image, inpainter(image, mask))
  known = mask[..., None] == 0
  expected = np.where(known, batch_lib.from_uint8(image) / 2, 0.25)
  np.testing.assert_allclose(details.refined, expected, atol=1e-6)


def test_empty_mask_returns_an_equal_picture_without_computing():
  inpainter, generator = make_fake()
  image, mask = draw_picture(0, 9, 9)
  completed = inpainter(image, np.zeros_like(mask))
  np.testing.assert_array_equal(completed, image)
  assert completed is not image and not generator.traces


@pytest.mark.parametrize(
  ("change", "message"),
  [
    ({"image": np.zeros((8, 8, 3), np.float32)}, "image is float32"),
    ({"image": np.zeros((8, 8), np.uint8)}, r"image is uint8 \(8, 8\)"),
    ({"image": np.zeros((8, 8, 4), np.uint8)}, r"image \(8, 8, 4\)"),
    ({"image": np.zeros((0, 8, 3), np.uint8)}, "none 0"),
    ({"mask": np.zeros((8, 9), np.uint8)}, r"mask \(8, 9\) must be \(8, 8\)"),
    ({"mask": np.zeros((8, 8), np.float32)}, "mask is float32"),
    ({"sketch": np.zeros((8, 8), np.uint8)}, "not guided"),
    ({"sketch": np.zeros((8, 9), np.uint8)}, r"sketch \(8, 9\)"),
  ],
)
def test_wrong_arrays_are_refused(change, message):
  inpainter, _ = make_fake()
  right = {
    "image": np.zeros((8, 8, 3), np.uint8),
    "mask": np.ones((8, 8), bool),
  }
  with pytest.raises(ValueError, match=message):
    inpainter(**(right | change))


@pytest.mark.parametrize("bucket", [0, 4, 12, -8])
def test_bucket_that_the_networks_cannot_take_is_refused(bucket):
  with pytest.raises(ValueError, match=f"bucket={bucket}"):
    make_fake(bucket=bucket)


def make_small(**kwargs):
  generator = inpaint_generator.InpaintGenerator(width=4)
  x = jnp.zeros((1, 16, 16, 1))
  params = generator.init(jax.random.key(0), x[..., [0, 0, 0]], x)["params"]
  params = jax.tree.map(lambda p: 3 * p, params)
  return inpainter_lib.Inpainter(generator, params, **kwargs)


def make_calm(**kwargs):
  generator = inpaint_generator.InpaintGenerator(width=4)
  params = small_checkpoint.calm_params()
  return inpainter_lib.Inpainter(generator, params, **kwargs)


@pytest.mark.parametrize("size", [(1, 1), (17, 40), (56, 41)])
def test_batch_of_different_holes_equals_one_by_one(size):
  inpainter = make_small()
  image, _ = draw_picture(2, 3, *size)
  mask = np.zeros(image.shape[:3], bool)
  mask[0, : size[0] // 2 + 1] = mask[1, :, size[1] // 2 :] = True
  together = inpainter(image, mask)
  for i in range(3):
    alone = inpainter(image[i], mask[i])
    np.testing.assert_allclose(
      together[i].astype(int), alone.astype(int), atol=1
    )


def test_size_that_fits_runs_as_the_generator_alone():
  inpainter = make_small()
  image, mask = draw_picture(3, 16, 24)
  hole = (mask >= 128)[None, ..., None].astype(np.float32)
  pixels = batch_lib.from_uint8(image[None].astype(np.float32))
  generator = inpaint_generator.InpaintGenerator(width=4)
  expected = generator.apply(
    {"params": inpainter._params}, batch_lib.erase(pixels, hole), hole
  )
  details = inpainter(image, mask, return_details=True)
  np.testing.assert_allclose(details.refined, expected.refined[0], atol=1e-6)
  np.testing.assert_array_equal(details.offsets, expected.offsets[0])


def on_devices(count, monkeypatch, *, split_rows=False):
  """Leaves so many devices; split rows as if none held a whole picture."""
  found = jax.devices()[:count]
  monkeypatch.setattr(jax, "local_devices", lambda: found)
  if split_rows:
    monkeypatch.setattr(memory, "is_shared", lambda: False)
    fits = lambda *_, devices=1: devices > 1
    monkeypatch.setattr(memory, "fits", fits)


@pytest.mark.parametrize(
  ("count", "pictures", "of_each"),
  [(1, 4, 4), (2, 4, 2), (8, 8, 1), (8, 6, 1), (2, 3, 3), (8, 11, 11)],
)
def test_as_many_devices_as_divide_a_batch_share_it(
  monkeypatch, count, pictures, of_each
):
  on_devices(count, monkeypatch)
  inpainter, generator = make_fake()
  assert inpainter.devices == count
  image, mask = draw_picture(0, pictures, 9, 17)
  details = inpainter(image, mask, return_details=True)
  assert generator.traces == [(of_each, 16, 24)]
  expected = np.where(mask[..., None] == 0, batch_lib.from_uint8(image) / 2, 1)
  expected[mask > 0] = 0.25
  np.testing.assert_allclose(details.refined, expected, atol=1e-6)


def assert_close(details, expected):
  for actual, wanted in zip(details[1:3], expected[1:3], strict=True):
    largest = np.abs(wanted).max()
    assert largest > 0.1
    np.testing.assert_allclose(actual, wanted, rtol=0, atol=1e-5 * largest)
  np.testing.assert_array_equal(details.offsets, expected.offsets)
  difference = details.image.astype(int) - expected.image
  assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("count", [2, 8])
def test_devices_give_the_predictions_of_one(monkeypatch, count):
  image, mask = draw_picture(5, 8, 17, 22)
  on_devices(1, monkeypatch)
  expected = make_calm()(image, mask, return_details=True)
  on_devices(count, monkeypatch)
  assert_close(make_calm()(image, mask, return_details=True), expected)


@pytest.mark.parametrize(("count", "height"), [(2, 29), (8, 100)])
def test_split_rows_give_the_predictions_of_one_device(
  monkeypatch, count, height
):
  monkeypatch.setattr(contextual_attention, "MOST_PLACES_AT_ONCE", 0)
  image, mask = draw_picture(5, 2, height, 21)
  mask[0, 1 : height // 2] = mask[1, -9:] = 255
  bucket = 8 * count  # so that one device pads as many rows
  on_devices(1, monkeypatch)
  expected = make_calm(bucket=bucket)(image, mask, return_details=True)
  on_devices(count, monkeypatch, split_rows=True)
  details = make_calm(bucket=bucket)(image, mask, return_details=True)
  assert_close(details, expected)


def test_split_rows_are_padded_and_the_padding_is_no_source(monkeypatch):
  on_devices(8, monkeypatch, split_rows=True)
  inpainter, generator = make_fake()
  image, mask = draw_picture(0, 9, 17)
  details = inpainter(image, mask, return_details=True)
  assert generator.traces == [(1, 64, 24)]
  assert details.refined.shape == image.shape
  # The fake's offsets are of the size of the picture.
  padding = details.offsets[..., 0]
  assert padding.shape == (16, 24)
  assert not padding[:9, :17].any()
  assert padding[9:].all() and padding[:, 17:].all()


@pytest.mark.optimized
def test_memory_of_a_device_falls_with_the_devices_that_share_rows(monkeypatch):
  def bytes_needed(count):
    on_devices(count, monkeypatch, split_rows=count > 1)
    inpainter = make_calm()
    way = inpainter._spread(1, 512, 512)
    of_all = NamedSharding(way.mesh, P())
    of_rows = NamedSharding(way.mesh, P("data", "rows"))
    params = jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=of_all),
      inpainter._params,
    )
    pixels = (1, 512, 512, 3)
    with jax.set_mesh(way.mesh):
      lowered = inpainter._predict.lower(
        params,
        jax.ShapeDtypeStruct(pixels, np.uint8, sharding=of_rows),
        jax.ShapeDtypeStruct(pixels[:3], bool, sharding=of_rows),
        None,
        jax.ShapeDtypeStruct((2,), np.int32, sharding=of_all),
      )
    return lowered.compile().memory_analysis().temp_size_in_bytes

  monkeypatch.setattr(
    chunked_attention.attend,
    "__kwdefaults__",
    {"tile_bytes": 2**20},
  )
  alone = bytes_needed(1)
  assert bytes_needed(8) < 0.6 * alone


def test_the_package_hands_out_the_inpainter():
  assert gatedinpaint_jax.Inpainter is inpainter_lib.Inpainter
  with pytest.raises(AttributeError, match="no attribute 'Impainter'"):
    _ = gatedinpaint_jax.Impainter
