import itertools

import numpy as np
import pytest
from PIL import Image

from gatedinpaint_jax.inference import inpainter as inpainter_lib
from gatedinpaint_jax.inference import job_runner, jobs
from tests import inpainters


class FakeInpainter(inpainters.ExactInpainter):
  """Predicts white, and remembers the shapes that it was given."""

  def __init__(self, **kwargs):
    super().__init__(**kwargs)
    self.shapes = []

  def __call__(self, image, mask, sketch=None, *, return_details):
    assert image.dtype == np.uint8 and mask.dtype == bool and return_details
    self.shapes.append(mask.shape)
    white = np.ones(image.shape, np.float32)
    return inpainter_lib.Inpainting(None, white, white, None)


def make_jobs(folder, sizes):
  """Writes black pictures with a hole in the last two rows."""
  work = []
  for i, size in enumerate(sizes):
    image, mask = folder / f"{i}.png", folder / f"{i}_mask.png"
    Image.new("RGB", size[::-1]).save(image)
    hole = np.zeros(size, np.uint8)
    hole[-2:] = 255
    Image.fromarray(hole).save(mask)
    work.append(jobs.Job(image, mask, None, folder / f"{i}_out.png"))
  return work


def assert_filled(job):
  result = np.asarray(Image.open(job.output))
  assert np.all(result[-2:] == 255) and np.all(result[:-2] == 0)


def test_batches_of_a_size_are_equally_large(tmp_path):
  sizes = [(8, 8)] * 5 + [(8, 9)] * 2 + [(4, 4)]
  order = np.random.default_rng(0).permutation(len(sizes))
  work = make_jobs(tmp_path, [sizes[i] for i in order])
  inpainter = FakeInpainter()
  options = job_runner.Options(batch_size=3)
  outcomes = list(job_runner.run(work, inpainter, options))
  assert sorted(inpainter.shapes) == [(1, 4, 4), (2, 8, 9), *[(3, 8, 8)] * 2]
  assert sorted(o.job for o in outcomes) == sorted(work)
  for outcome in outcomes:
    assert outcome.reason is None
    assert_filled(outcome.job)


def test_empty_holes_are_not_computed(tmp_path):
  work = make_jobs(tmp_path, [(8, 8)] * 3)
  Image.new("L", (8, 8)).save(work[1].mask)
  inpainter = FakeInpainter()
  outcomes = list(
    job_runner.run(work, inpainter, job_runner.Options(batch_size=3))
  )
  (noted,) = (o.job for o in outcomes if o.note is not None)
  assert noted == work[1]
  assert inpainter.shapes == [(3, 8, 8)]
  assert not np.any(Image.open(noted.output))


def test_time_of_a_batch_is_shared(tmp_path, monkeypatch):
  clock = itertools.count(step=6)
  monkeypatch.setattr(job_runner.time, "perf_counter", clock.__next__)
  work = make_jobs(tmp_path, [(8, 8)] * 3)
  options = job_runner.Options(batch_size=3)
  seconds = [o.seconds for o in job_runner.run(work, FakeInpainter(), options)]
  assert seconds == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(("large", "batch_size"), [("exact", 1), ("crop", 3)])
def test_each_picture_is_written_before_the_next_is_read(
  tmp_path, large, batch_size
):
  work = make_jobs(tmp_path, [(8, 8)] * 3)
  options = job_runner.Options(batch_size=batch_size)
  running = job_runner.run(work, FakeInpainter(large=large), options)
  assert_filled(next(running).job)
  assert not work[1].output.exists()


@pytest.mark.parametrize("error", [MemoryError("no room"), RuntimeError("bug")])
def test_only_errors_of_a_picture_are_outcomes(tmp_path, error):
  class Failing(inpainters.ExactInpainter):
    def __call__(self, *_, **__):
      raise error

  work = make_jobs(tmp_path, [(8, 8)] * 2)
  options = job_runner.Options(batch_size=2)
  running = job_runner.run(work, Failing(), options)
  if isinstance(error, MemoryError):
    assert [o.reason for o in running] == [f"{j.image}: no room" for j in work]
  else:
    with pytest.raises(RuntimeError, match="bug"):
      list(running)


def run_one(folder, photo, hole, **options):
  """Returns the outcome of a photo, as Pillow saves it, and a hole."""
  photo.save(folder / "a.png", **options)
  Image.fromarray(hole).save(folder / "m.png")
  job = jobs.Job(folder / "a.png", folder / "m.png", None, folder / "out.png")
  (outcome,) = job_runner.run([job], FakeInpainter(), job_runner.Options())
  return outcome


HOLE = np.zeros((8, 8), np.uint8)
HOLE[:3] = 255


@pytest.mark.parametrize(
  ("hole", "words"),
  [(HOLE, None), (255 - HOLE, "m.png is 62% hole: was `invert_mask` meant?")],
)
def test_more_hole_than_picture_is_noted(tmp_path, hole, words):
  outcome = run_one(tmp_path, Image.new("RGB", (8, 8)), hole)
  assert (words or "") in (outcome.note or "")
  assert (outcome.note is None) == (words is None)


def test_hole_where_the_picture_is_transparent_is_noted(tmp_path):
  photo = Image.fromarray(np.dstack([*[HOLE] * 3, 255 - HOLE]))
  outcome = run_one(tmp_path, photo, HOLE)
  assert outcome.note.endswith("what fills it is invisible")


def test_frames_that_are_not_read_are_noted(tmp_path):
  black, red = (Image.new("RGB", (8, 8), name) for name in ("black", "red"))
  outcome = run_one(tmp_path, black, HOLE, save_all=True, append_images=[red])
  assert outcome.note.endswith("only the first of its 2 pictures is read")


def test_frames_of_a_mask_are_noted(tmp_path):
  (job,) = make_jobs(tmp_path, [(8, 8)])
  masks = [Image.fromarray(mask) for mask in (HOLE, 255 - HOLE)]
  masks[0].save(job.mask, save_all=True, append_images=masks[1:])
  (outcome,) = job_runner.run([job], FakeInpainter(), job_runner.Options())
  assert outcome.note == f"{job.mask}: only the first of its 2 pictures is read"
