"""Files of data are filled into files of the same kind."""

import numpy as np
import pytest
import tifffile

from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import photo_files
from gatedinpaint_jax.inference import inpainter as inpainter_lib
from gatedinpaint_jax.inference import job_runner, jobs
from tests import inpainters, pictures

SIZE = 24, 31
PLACE = (33550, 12, 3, (10.0, 10.0, 0.0), True)
NO_DATA = (42113, 2, 6, b"-9999\0", True)


class FakeInpainter(inpainters.ExactInpainter):
  """Predicts the middle of the range."""

  def __call__(self, image, mask, sketch=None, *, return_details):
    assert image.shape == (*mask.shape, self.values.channels)
    middle = np.zeros(image.shape, np.float32)
    return inpainter_lib.Inpainting(None, middle, middle, None)


def fill(tmp_path, suffix, inpainter, mask=None):
  job = jobs.Job(
    *(tmp_path / f"a{suffix}", mask, None, tmp_path / f"b{suffix}")
  )
  (outcome,) = job_runner.run([job], inpainter, job_runner.Options())
  return outcome


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_map_is_filled_where_it_says_that_values_are_missing(tmp_path, dtype):
  pixels = np.full((*SIZE, 3), 50, dtype)
  pixels[4:9, 5:20, 1] = -9999
  tifffile.imwrite(
    *(tmp_path / "a.tif", pixels),
    photometric="minisblack",
    planarconfig="contig",
    extratags=[PLACE, NO_DATA],
  )
  model = FakeInpainter(values_lib.Values(3, ((0.0, 200.0),) * 3))
  outcome = fill(tmp_path, ".tif", model)
  assert outcome.reason is None and outcome.note is None
  hole = pixels[..., 1] == -9999
  expected = np.where(hole[..., None], 100, pixels).astype(dtype)
  filled = tifffile.imread(tmp_path / "b.tif")
  np.testing.assert_array_equal(filled, expected, strict=True)
  photo = photo_files.read(tmp_path / "b.tif")
  assert photo.tags == photo_files.read(tmp_path / "a.tif").tags
  assert photo.no_data == -9999 and len(photo.tags) == 2


@pytest.mark.parametrize("channels", [None, 1, 4, 13])
@pytest.mark.parametrize("dtype", values_lib.DTYPES)
def test_array_is_filled_without_a_change_elsewhere(tmp_path, dtype, channels):
  shape = SIZE if channels is None else (*SIZE, channels)
  array = pictures.data(shape, dtype)
  hole = np.zeros(SIZE, bool)
  hole[3:9, 5:9] = True
  np.save(tmp_path / "a.npy", array)
  np.save(tmp_path / "mask.npy", hole)
  count = channels or 1
  model = FakeInpainter(values_lib.Values(count, ((0, 80),) * count))
  assert not fill(tmp_path, ".npy", model, tmp_path / "mask.npy").reason
  filled = np.load(tmp_path / "b.npy")
  assert filled.dtype == dtype and filled.shape == shape
  assert filled[~hole].tobytes() == array[~hole].tobytes()
  assert (filled[hole] == 40).all()


def test_every_channel_of_data_is_filled_without_a_model(tmp_path):
  array = np.arange(4 * 24 * 31, dtype=np.uint16).reshape(24, 31, 4)
  hole = np.zeros(SIZE, bool)
  hole[3:9, 5:9] = True
  np.save(tmp_path / "a.npy", array)
  np.save(tmp_path / "mask.npy", hole)
  model = FakeInpainter(None)
  assert not fill(tmp_path, ".npy", model, tmp_path / "mask.npy").reason
  filled = np.load(tmp_path / "b.npy")
  # Each channel has a range of its own, of which the fake fills in the middle.
  ends = array.astype(np.float64).reshape(-1, 4)
  middle = (ends.min(axis=0) + ends.max(axis=0)) / 2
  np.testing.assert_allclose(filled[hole], [middle] * hole.sum(), atol=0.5)


def test_channels_that_the_model_does_not_know_are_not_dropped(tmp_path):
  np.save(tmp_path / "a.npy", np.ones((*SIZE, 4), np.uint8))
  model = FakeInpainter(values_lib.PHOTOGRAPHS)
  outcome = fill(tmp_path, ".npy", model, tmp_path / "a.npy")
  assert outcome.reason == (
    f"{tmp_path}/a.npy: has 4 channels of data; the model has 3"
    " (config.model.channels)"
  )


def test_pictures_that_name_missing_values_differently_are_filled_apart(
  tmp_path,
):
  seen = []

  class Recording(FakeInpainter):
    def __call__(self, image, mask, sketch=None, *, return_details):
      seen.append((self.values.no_data, len(image)))
      return super().__call__(image, mask, sketch, return_details=True)

  work = []
  for name, tag in (("a", b"-9999\0"), ("b", b"-9999\0"), ("c", b"-1234\0")):
    pixels = np.full((*SIZE, 3), 50, np.float32)
    pixels[3:9, 5:9] = float(tag[:-1])
    tifffile.imwrite(
      *(tmp_path / f"{name}.tif", pixels),
      photometric="minisblack",
      planarconfig="contig",
      extratags=[PLACE, (42113, 2, 6, tag, True)],
    )
    paths = tmp_path / f"{name}.tif", None, None, tmp_path / f"{name}_out.tif"
    work.append(jobs.Job(*paths))
  model = Recording(values_lib.Values(3, ((0.0, 200.0),) * 3))
  options = job_runner.Options(batch_size=3)
  outcomes = list(job_runner.run(work, model, options))
  assert [outcome.reason for outcome in outcomes] == [None] * 3
  assert seen == [(-9999, 1), (-9999, 1), (-1234, 1)]
  for job in work:
    filled = tifffile.imread(job.output)
    assert (filled[3:9, 5:9] == 100).all() and (filled[10:] == 50).all()
