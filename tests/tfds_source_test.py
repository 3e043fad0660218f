import itertools

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  return str(tmp_path_factory.mktemp("tfds"))


def config_of(folder, path="numbered_pictures", **data):
  config = pictures.config(
    path, source="tfds", tfds_dir=folder, shuffle_buffer=16, **data
  )
  config.evaluation.pictures = 100
  return config


def numbers(config, count, **kwargs):
  stream = build.training_batches(config, **kwargs)
  return [pictures.numbers(b) for b in itertools.islice(stream, count)]


def test_every_epoch_has_each_picture_once_in_a_new_order(folder):
  seen = list(itertools.chain(*numbers(config_of(folder), 11)))
  epochs = [tuple(seen[i : i + 11]) for i in range(0, 44, 11)]
  assert all(sorted(epoch) == list(range(11)) for epoch in epochs)
  assert len(set(epochs)) == 4


@pytest.mark.parametrize("first_example", [8, 12])
def test_resumed_stream_goes_on_where_it_stopped(folder, first_example):
  whole = numbers(config_of(folder), 8)
  resumed = numbers(config_of(folder), 2, first_example=first_example)
  assert whole[first_example // 4 :][:2] == resumed


def test_processes_divide_the_global_batch(folder):
  whole = numbers(config_of(folder), 4)
  for i in range(2):
    part = numbers(config_of(folder), 4, process_index=i, process_count=2)
    assert part == [batch[2 * i :][:2] for batch in whole]


def test_split_expressions_and_the_list_order_are_kept(folder):
  config = config_of(folder, shuffle=False, train_split="train[4:8]")
  part = numbers(config, 2)
  whole = numbers(config_of(folder, shuffle=False), 3)
  assert part == [whole[1], whole[1]]


def test_validation_has_a_split_of_its_own(folder):
  batches = build.validation_batches(config_of(folder))
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
    build.training_batches(config_of(folder, **data))
