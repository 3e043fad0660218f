import itertools
import time
from concurrent import futures

import numpy as np
import pytest
import tensorflow_datasets as tfds

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import build
from tests import pictures


class NumberedPictures(tfds.core.GeneratorBasedBuilder):
  """Pictures of one grey value each, as `pictures.write_numbered`."""

  VERSION = tfds.core.Version("1.0.0")

  def _info(self):
    image = tfds.features.Image(shape=(None, None, 3), encoding_format="png")
    return tfds.core.DatasetInfo(
      builder=self, features=tfds.features.FeaturesDict({"image": image})
    )

  def _split_generators(self, dl_manager):
    return {"train": self._pictures(11), "validation": self._pictures(5)}

  def _generate_examples(self):
    # Demanded by the base class; the splits above are generators already.
    raise NotImplementedError

  def _pictures(self, count):
    for i in range(count):
      yield i, {"image": np.full((16, 24, 3), 8 * i, np.uint8)}


class HandMade(NumberedPictures):
  """A set whose files have to be fetched by hand."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = "Register and fetch pictures.tar."

  def _split_generators(self, dl_manager):
    return {"train": self._pictures(len(list(dl_manager.manual_dir.iterdir())))}


class Offline(NumberedPictures):
  """A set that cannot be downloaded."""

  def _split_generators(self, dl_manager):
    raise ConnectionError("no network")


class Slow(NumberedPictures):
  """A set that takes a while to prepare and counts how often that is done."""

  times_prepared = 0

  def _split_generators(self, dl_manager):
    Slow.times_prepared += 1
    time.sleep(1)
    return super()._split_generators(dl_manager)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  return str(tmp_path_factory.mktemp("tfds"))


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
  """Returns a folder with the training pictures in shards of 3, 3, 2 and 3."""
  return prepare(tmp_path_factory.mktemp("sharded"), num_shards=4)


def prepare(folder, **options):
  tfds.builder("numbered_pictures", data_dir=folder).download_and_prepare(
    download_config=tfds.download.DownloadConfig(**options)
  )
  return str(folder)


def config_of(folder, path="numbered_pictures", **data):
  return pictures.config(
    path, source="tfds", tfds_dir=folder, shuffle_buffer=16, **data
  )


def numbers(config, count, **kwargs):
  return [pictures.numbers(b) for b in pictures.take(config, count, **kwargs)]


def test_every_epoch_has_each_picture_once_in_a_new_order(folder):
  seen = list(itertools.chain(*numbers(config_of(folder), 11)))
  epochs = [tuple(seen[i : i + 11]) for i in range(0, 44, 11)]
  assert all(sorted(epoch) == list(range(11)) for epoch in epochs)
  assert len(set(epochs)) == 4


@pytest.mark.parametrize("first_example", [8, 12])
def test_resumed_stream_goes_on_where_it_stopped(folder, first_example):
  uninterrupted = numbers(config_of(folder), 8)
  resumed = numbers(config_of(folder), 2, first_example=first_example)
  assert uninterrupted[first_example // 4 :][:2] == resumed


@pytest.mark.slow
@pytest.mark.parametrize("split,sizes", [("train", 5), ("train[1:10]", 4)])
def test_processes_have_epochs_of_their_own_shards(sharded, split, sizes):
  batches = build.find_pictures(config_of(sharded, train_split=split)).batches
  parts = []
  for i, size in enumerate([sizes, sizes + 1]):
    stream = batches(process_index=i, process_count=2)
    seen = pictures.numbers(*itertools.islice(stream, 2 * size))
    epochs = [tuple(seen[j : j + size]) for j in range(0, 4 * size, size)]
    assert len(set(epochs)) == 4
    assert len({tuple(sorted(epoch)) for epoch in epochs}) == 1
    parts += epochs[0]
  everything = pictures.numbers(*itertools.islice(batches(), 3))
  assert sorted(parts) == sorted(everything[: len(parts)])


@pytest.mark.parametrize("process", range(2))
def test_each_process_goes_on_in_batches_of_another_size(sharded, process):
  process = {"process_index": process, "process_count": 2}
  config = config_of(sharded)
  uninterrupted = numbers(config, 7, **process)
  config.data.batch_size = 8
  resumed = numbers(config, 2, first_example=12, **process)
  expected = [*itertools.chain(*uninterrupted[3:])]
  assert expected == [*itertools.chain(*resumed)]


@pytest.mark.slow
def test_examples_keep_their_masks_on_several_processes(sharded, folder):
  for source in (sharded, folder):  # folder has fewer shards than processes
    batches = build.find_pictures(config_of(source)).batches
    batches_of_one = list(itertools.islice(batches(), 3))
    for i in range(2):
      part = batches(process_index=i, process_count=2)
      for ours, all_rows in zip(part, batches_of_one, strict=False):
        rows = slice(2 * i, 2 * i + 2)
        np.testing.assert_array_equal(ours.mask, all_rows.mask[rows])
        if source is folder:
          np.testing.assert_array_equal(ours.image, all_rows.image[rows])


def test_nothing_is_written_next_to_a_prepared_set(tmp_path):
  config = config_of(prepare(tmp_path))
  before = sorted(tmp_path.rglob("*"))
  build.find_pictures(config)
  assert sorted(tmp_path.rglob("*")) == before


def test_processes_that_start_at_once_prepare_a_set_once(tmp_path):
  def first_batch(i):
    config = config_of(str(tmp_path), "slow")
    return numbers(config, 1, process_index=i, process_count=2)[0]

  with futures.ThreadPoolExecutor(2) as pool:
    rows = [*itertools.chain(*pool.map(first_batch, range(2)))]
  assert len(set(rows)) == 4
  assert Slow.times_prepared == 1


def test_split_expressions_and_the_list_order_are_kept(folder):
  config = config_of(folder, shuffle=False, train_split="train[4:8]")
  part = numbers(config, 2)
  complete = numbers(config_of(folder, shuffle=False), 3)
  assert part == [complete[1], complete[1]]


def test_validation_has_a_split_of_its_own(folder):
  config = config_of(folder)
  config.evaluation.pictures = 100
  batches = build.find_pictures(config).validation
  seen = pictures.numbers(*batches)
  assert len(batches) == 2 and sorted(seen) == list(range(5))


@pytest.mark.parametrize(
  "data,message",
  [
    (
      {"path": "numbered_picture"},
      r"has no 'numbered_picture'; near: numbered_pictures",
    ),
    ({"train_split": "trian"}, r"has no split 'trian', only train, validation"),
    (
      {"path": "hand_made"},
      r"'hand_made' is not in .*hand_made.* and has to be fetched by hand; put"
      r" into .*downloads/manual: Register and fetch pictures\.tar\.",
    ),
    (
      {"path": "offline"},
      r"'offline' is not in .*offline.* and cannot be downloaded \(.*network",
    ),
  ],
)
def test_sets_that_cannot_be_read_are_explained(folder, data, message):
  with pytest.raises(
    errors.UserError, match=r"^config\.data\.path: .*" + message
  ):
    build.find_pictures(config_of(folder, **data))
