"""`Inpainter` on several devices: shared batches and split rows."""

import jax
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.fast import attention, chunked_attention
from gatedinpaint_jax.inference import memory, spread
from gatedinpaint_jax.networks import inpaint_generator
from tests import inpainters, small_checkpoint


def on_devices(count, monkeypatch, *, split_rows=False):
  """Leaves so many devices; split rows as if none held a whole picture."""
  found = jax.devices()[:count]
  monkeypatch.setattr(jax, "local_devices", lambda: found)
  if split_rows:
    monkeypatch.setattr(memory, "uses_host_memory", lambda: False)
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
  inpainter, generator = inpainters.make_fake()
  assert inpainter.devices == count
  image, mask = inpainters.draw_picture(0, pictures, 9, 17)
  details = inpainter(image, mask, return_details=True)
  assert generator.traces == [(of_each, 16, 24)]
  expected = np.where(mask[..., None] == 0, batch_lib.from_uint8(image) / 2, 1)
  expected[mask > 0] = 0.25
  np.testing.assert_allclose(details.refined, expected, atol=1e-6)
  np.testing.assert_array_equal(details.image, inpainter(image, mask))


def assert_close(details, expected):
  for actual, wanted in zip(details[1:3], expected[1:3], strict=True):
    largest = np.abs(wanted).max()
    assert largest > 0.1
    np.testing.assert_allclose(actual, wanted, rtol=0, atol=1e-5 * largest)
  np.testing.assert_array_equal(details.offsets, expected.offsets)
  difference = details.image.astype(int) - expected.image
  assert np.abs(difference).max() <= 1


def test_devices_give_the_predictions_of_one(monkeypatch):
  image, mask = inpainters.draw_picture(5, 8, 17, 22)
  on_devices(1, monkeypatch)
  expected = inpainters.make_calm()(image, mask, return_details=True)
  on_devices(8, monkeypatch)
  details = inpainters.make_calm()(image, mask, return_details=True)
  assert_close(details, expected)


def test_split_rows_give_the_predictions_of_one_device(monkeypatch):
  monkeypatch.setattr(attention, "MOST_PLACES_AT_ONCE", 0)
  image, mask = inpainters.draw_picture(5, 2, 100, 21)
  mask[0, 1:50] = mask[1, -9:] = 255
  details = []
  for count in (1, 8):
    on_devices(count, monkeypatch, split_rows=count > 1)
    # With the bucket, one device pads as many rows as eight.
    inpainter = inpainters.make_calm(bucket=64)
    details.append(inpainter(image, mask, return_details=True))
  assert_close(*details)


@pytest.mark.optimized
def test_memory_of_a_device_falls_with_the_devices_that_share_rows(monkeypatch):
  def bytes_needed(count):
    on_devices(count, monkeypatch, split_rows=count > 1)
    # The forms of accelerators; the convolution of CPUs is not split.
    generator = inpaint_generator.InpaintGenerator(
      width=4, attend=attention.attend
    )
    mesh = spread.choose(1, 512, 512, bucket=8).mesh
    of_all = NamedSharding(mesh, P())
    of_rows = NamedSharding(mesh, P("data", "rows"))
    params = jax.device_put(small_checkpoint.calm_params(), of_all)
    image, mask = (
      jax.device_put(np.zeros((1, 512, 512, channels), np.float32), of_rows)
      for channels in (3, 1)
    )
    with jax.set_mesh(mesh):
      apply = jax.jit(generator.apply)
      lowered = apply.lower({"params": params}, image, mask)
    return lowered.compile().memory_analysis().temp_size_in_bytes

  monkeypatch.setattr(attention, "MOST_PLACES_AT_ONCE", 0)
  small_tiles = {"tile_bytes": 2**20}
  monkeypatch.setattr(chunked_attention.attend, "__kwdefaults__", small_tiles)
  # Not an eighth: in so narrow a network the keys and values of the entire
  # picture, which every device has, are much of the rest.
  alone = bytes_needed(1)
  assert bytes_needed(8) < alone / 3
