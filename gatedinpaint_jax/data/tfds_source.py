"""Photographs of a data set of TensorFlow Datasets (TFDS)."""

import contextlib
import difflib
import os

import filelock
import tensorflow as tf
import tensorflow_datasets as tfds
from absl import logging
from tensorflow.autograph.experimental import do_not_convert

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import recipe, remote, tensorflow_draws

# Shards that are interleaved, and records taken from one at a time.
_CYCLE, _BLOCK = 16, 16
# What a failed download raises: no network, a missing package and so on.
_DOWNLOAD_ERRORS = (
  AssertionError,
  ImportError,
  OSError,
  RuntimeError,
  ValueError,
  tfds.download.DownloadError,
  tf.errors.OpError,
)
# Features that name a picture, by preference.
_NAME_FEATURES = ("file_name", "filename", "image/filename", "id")


class TfdsSource:
  """Pictures of one split; yields elements as described in `sources.py`.

  Any epoch is reached directly; within one, earlier records are skipped.

  Of n processes, process p reads shards p, p + n and so on, in its own epochs:
  the order depends on the number of processes, and the pictures of a process
  with fewer of them come more often. With fewer shards than processes, each
  reads all shards and keeps its rows of one common order.
  """

  def __init__(
    self,
    name: str,
    *,
    split: str,
    folder: str | None,
    seed: int,
    shuffle_buffer: int,
  ):
    """Opens a data set, after downloading and preparing it if need be.

    The name may have a configuration and a version. `folder` is where data sets
    are kept, None for TFDS's default. The order follows from (seed, epoch); a
    `shuffle_buffer` of 0 keeps it.

    Raises:
      UserError: if the data set or split is unknown, holds no pictures, or can
        be neither found nor downloaded.
    """
    builder = _open(name, folder)
    _check(builder, name, split)
    self._split = builder.info.splits[split]
    self._features = builder.info.features
    self._label = f"{builder.name} {split}"
    self._seed = seed
    self._buffer = shuffle_buffer

  def __len__(self) -> int:
    return self._split.num_examples

  @do_not_convert
  def stream(self, rows: recipe.Rows) -> tf.data.Dataset:
    """Returns this process's examples, endlessly.

    A resumed stream continues where each process stopped, in batches of any
    size. If the number of processes changes, some pictures of the current epoch
    repeat and others wait for the next.
    """
    shards = self._split.file_instructions
    if 1 < rows.process_count <= len(shards):
      # Batches divide evenly, so all processes have had equally many examples.
      start = rows.first_example // rows.process_count
      own = shards[rows.process_index :: rows.process_count]
      return self._endless(own, start).map(
        lambda position, record: self._element(
          rows.example(position - start), record
        )
      )

    def is_mine(number, _):
      row = (number - rows.first_example) % rows.batch_size
      return row // rows.local_batch_size == rows.process_index

    examples = self._endless(shards, rows.first_example)
    if rows.process_count > 1:
      examples = examples.filter(is_mine)
    return examples.map(self._element)

  @do_not_convert
  def listed(self) -> tf.data.Dataset:
    """Returns all examples once, in the order of the split."""
    shards = self._split.file_instructions
    order = tf.data.Dataset.range(len(shards))
    records = order.flat_map(_shard_records(shards))
    return records.enumerate().map(self._element)

  def encoded(self, element) -> list[tf.Tensor]:
    """Returns the bytes of an element's photo; there are no sketches."""
    return [element["photo"]]

  def _endless(self, shards, start):
    """Returns positions from `start` on, with the records of these shards."""
    total = sum(shard.take for shard in shards)
    first_epoch, skipped = divmod(start, total)

    def records_of(epoch):
      skip = tf.where(epoch == first_epoch, tf.constant(skipped, tf.int64), 0)
      places = tf.data.Dataset.range(epoch * total + skip, (epoch + 1) * total)
      records = self._records(shards, epoch).skip(skip)
      return tf.data.Dataset.zip(places, records)

    return tf.data.Dataset.range(first_epoch, 2**62).flat_map(records_of)

  def _records(self, shards, epoch):
    """Returns the records of some shards in the order of an epoch."""
    shard_records = _shard_records(shards)
    seed = tf.stack([tf.constant(self._seed, tf.int64), epoch])
    order = tf.data.Dataset.range(len(shards))
    if not self._buffer:
      return order.flat_map(shard_records)
    last = tf.constant(len(shards) - 1, tf.int64)
    order = order.map(
      lambda i: tf.random.experimental.index_shuffle(i, seed, last)
    )
    records = order.interleave(
      shard_records,
      cycle_length=min(_CYCLE, len(shards)),
      block_length=_BLOCK,
      num_parallel_calls=tf.data.AUTOTUNE,
      deterministic=True,
    )
    mixed = tensorflow_draws.fold_in(seed, epoch)
    return records.shuffle(
      self._buffer, seed=mixed[0], reshuffle_each_iteration=False
    )

  def _element(self, number, record):
    features = self._features.deserialize_example(
      record, decoders={"image": tfds.decode.SkipDecoding()}
    )
    named = [feature for feature in _NAME_FEATURES if feature in features]
    if named:
      name = tf.as_string(features[named[0]])
    else:
      place = tf.as_string(number % len(self))
      name = tf.strings.join([f"{self._label} #", place])
    return {"example": number, "name": name, "photo": features["image"]}


def _shard_records(shards):
  """Returns the function from a shard's index to its records."""
  paths = tf.constant([os.fspath(shard.filename) for shard in shards])
  skips = tf.constant([shard.skip for shard in shards], tf.int64)
  takes = tf.constant([shard.take for shard in shards], tf.int64)
  return lambda i: (
    tf.data.TFRecordDataset(paths[i]).skip(skips[i]).take(takes[i])
  )


def _open(name, folder):
  """Returns the prepared builder of a set."""
  try:
    builder = tfds.builder(name, data_dir=folder)
  except tfds.core.DatasetNotFoundError:
    known = tfds.list_builders(with_community_datasets=False)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    meant = f"; near: {', '.join(near)}" if near else ""
    raise errors.UserError(
      f"TensorFlow Datasets has no {name!r}{meant}; for a folder of"
      ' pictures set config.data.source="folder"'
    ) from None
  except (AssertionError, ValueError) as error:
    raise errors.UserError(
      f"{name!r} cannot be opened by TensorFlow Datasets: {_one_line(error)}"
    ) from None
  try:
    _prepare(builder)
  except _DOWNLOAD_ERRORS as error:
    message = _missing(builder, name, folder, error)
    raise errors.UserError(message) from error
  # If another process has prepared it meanwhile, this builder has no splits.
  return tfds.builder(name, data_dir=folder)


def _prepare(builder):
  """Downloads and prepares a data set if need be, one process at a time."""
  turn = contextlib.nullcontext()
  # Next to a prepared set nothing is written: its folder may be read-only.
  if not (remote.is_url(builder.data_dir) or builder.data_path.exists()):
    logging.info("Preparing %s, or waiting for it", builder.data_dir)
    builder.data_path.parent.mkdir(parents=True, exist_ok=True)
    turn = filelock.FileLock(f"{builder.data_path}.lock")
  with turn:
    builder.download_and_prepare()


def _missing(builder, name, folder, error) -> str:
  """Returns the message that a data set is not where it should be."""
  if isinstance(error, ImportError):
    return (
      f"preparing {name!r} needs a Python package: {_one_line(error)};"
      " install it with pip"
    )
  root = folder or os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")
  root = os.path.expanduser(root)
  wanted = builder.MANUAL_DOWNLOAD_INSTRUCTIONS
  if wanted:
    manual = os.path.join(root, "downloads", "manual")
    return (
      f"{name!r} is not in {builder.data_dir} and has to be fetched by"
      f" hand; put into {manual}: {_one_line(wanted)}"
    )
  return (
    f"{name!r} is not in {builder.data_dir} and cannot be downloaded"
    f" ({_one_line(error)}); prepare it on a machine with a network and copy"
    f" that folder here, or set config.data.tfds_dir to where it is"
  )


def _check(builder, name, split):
  """Raises UserError unless the split can be read and holds pictures."""
  info = builder.info
  try:
    total = info.splits[split].num_examples
  except (KeyError, ValueError):
    raise errors.UserError(
      f"{name!r} has no split {split!r}, only"
      f" {', '.join(sorted(info.splits))}; set config.data.train_split and"
      " config.data.validation_split"
    ) from None
  if not total:
    raise errors.UserError(f"split {split!r} of {name!r} is empty")
  image = info.features["image"] if "image" in info.features else None
  if not isinstance(image, tfds.features.Image):
    raise errors.UserError(
      f"{name!r} has no feature 'image', only"
      f" {', '.join(sorted(info.features))}"
    )
  if info.file_format is not tfds.core.FileFormat.TFRECORD:
    raise errors.UserError(
      f"{name!r} is stored as {info.file_format.value}; only tfrecord is read"
    )


def _one_line(text) -> str:
  return " ".join(str(text).split())[:400]
