"""Files in cloud storage, named by a URL such as gs://bucket/photos.

`etils.epath` interprets URLs and leaves the work to TensorFlow, which as
installed reads gs:// only. Every answer crosses a network, so folders are
listed instead of asking for each file.

`key` is the config key that names a URL, for the messages. Whatever cannot be
reached is a UserError.
"""

import io
import os
import posixpath
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent import futures
from typing import Any

from etils import epath

from gatedinpaint_jax import errors

# TensorFlow retries ten times, for minutes, before it gives up.
_PATIENCE_SECONDS = 60
# Concurrent requests, which spend nearly all of their time waiting.
_REQUESTS = 16
_URL = re.compile("[A-Za-z][A-Za-z0-9+.-]*://")


def is_url(path: str) -> bool:
  """Returns whether a path is a URL rather than a local path."""
  return _URL.match(path) is not None


def join(folder: str, name: str) -> str:
  """Returns the URL of a relative path, with "." and ".." resolved."""
  scheme, path = folder.split("://", 1)
  return f"{scheme}://{posixpath.normpath(posixpath.join(path, name))}"


def read(url: str, *, key: str) -> io.BytesIO:
  """Reads a file into memory; raises FileNotFoundError if it is missing."""
  _find(url, key)
  try:
    return io.BytesIO(_path(url, key).read_bytes())
  except Exception as error:
    raise _unreachable(url, key, error) from error


def walk(folder: str, *, key: str) -> list[tuple[str, list[str]]]:
  """Returns a folder and all below it, each with the names of its files.

  Raises:
    FileNotFoundError: if the folder is missing.
  """
  _find(folder, key)
  found, level = [], [os.fspath(_path(folder, key))]
  while level:
    below = []
    for parent, names in _concurrently(_list, level, key):
      found.append((parent, [n for n in names if not n.endswith("/")]))
      below += [
        posixpath.join(parent, name)
        for name in names
        # A // in an object's name lists as a folder "/", which is none.
        if name.endswith("/") and name.strip("/")
      ]
    level = below
  return found


def check_reachable(url: str, *, key: str) -> None:
  """Raises UserError unless the storage answers; the file may be missing."""
  _exists(url, key)


def missing(urls: Sequence[str], *, key: str) -> list[str]:
  """Returns which files do not exist, by a request for each."""
  if urls:
    check_reachable(urls[0], key=key)
  answers = _concurrently(lambda url: _path(url, key).exists(), urls, key)
  return [url for url, exists in answers if not exists]


def siblings(urls: Iterable[str], *, key: str) -> set[str]:
  """Returns everything in the folders that hold these files."""
  folders = sorted({posixpath.dirname(url) for url in urls})
  return {
    posixpath.join(folder, name)
    for folder, names in _concurrently(_list, folders, key)
    for name in names
  }


def _path(url, key) -> epath.Path:
  errors.check_installed("tensorflow", extra="train")
  try:
    return epath.Path(url)
  except KeyError as error:
    raise _unreachable(url, key, "unknown to etils.epath") from error


def _find(url, key) -> None:
  if not _exists(url, key):
    raise FileNotFoundError(url)


def _exists(url, key) -> bool:
  """Whether a file or folder exists; waits as long as a person would."""
  path = _path(url, key)
  answer = futures.Future()

  def ask():
    try:
      answer.set_result(path.exists())
    except Exception as error:
      answer.set_exception(error)

  # The request cannot be cancelled, and a daemon does not delay the exit.
  threading.Thread(target=ask, daemon=True).start()
  try:
    return answer.result(_PATIENCE_SECONDS)
  except TimeoutError as error:
    waited = f"no answer within {_PATIENCE_SECONDS} seconds"
    raise _unreachable(url, key, waited) from error
  except Exception as error:
    raise _unreachable(url, key, error) from error


def _list(folder) -> list[str]:
  """Returns the names in a folder; those of folders end in a slash.

  `epath.Path.iterdir` loses the slashes, and `epath.Path.walk` makes a request
  for each file to see whether it is a folder.
  """
  # Loading it takes seven seconds, and local files do not need it.
  import tensorflow as tf

  return tf.io.gfile.listdir(folder)


def _concurrently(
  request: Callable[[str], Any], urls: Sequence[str], key: str
) -> list[tuple[str, Any]]:
  """Returns each URL with what `request` returns for it."""

  def ask(url):
    try:
      return url, request(url)
    except Exception as error:
      raise _unreachable(url, key, error) from error

  with futures.ThreadPoolExecutor(_REQUESTS) as pool:
    return list(pool.map(ask, urls))


def _unreachable(url, key, why) -> errors.UserError:
  """Returns the error to raise when the network or the storage fails."""
  if isinstance(why, errors.UserError):
    return why
  if isinstance(why, Exception):
    why = errors.first_words(why)
  if url.startswith("gs://"):
    hint = (
      "it needs a network and credentials that may list and read there; those"
      " for a whole bucket include storage.buckets.get"
    )
  else:
    hint = "gs:// is read; mount other storage as a folder"
  return errors.UserError(f"{key}: cannot read {url} ({why}); {hint}")
