"""Files in cloud storage, named by a URL such as gs://bucket/photos.

`etils.epath` interprets URLs and leaves the work to TensorFlow, which as
installed reads gs:// only. Every answer crosses a network, so folders are
listed instead of asking for each file.

Whatever cannot be reached is a UserError.
"""

import contextlib
import io
import os
import posixpath
import re
import threading
from collections.abc import Iterable, Sequence
from concurrent import futures

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


def read(url: str) -> io.BytesIO:
  """Reads a file into memory; raises FileNotFoundError if it is missing."""
  _find(url)
  with _user_errors(url):
    return io.BytesIO(_path(url).read_bytes())


def walk(folder: str) -> list[tuple[str, list[str]]]:
  """Returns a folder and all below it, each with the names of its files.

  Raises:
    FileNotFoundError: if the folder is missing.
  """
  _find(folder)
  found, level = [], [os.fspath(_path(folder))]
  while level:
    below = []
    for parent, names in _concurrently(_list, level):
      found.append((parent, [n for n in names if not n.endswith("/")]))
      below += [
        posixpath.join(parent, name)
        for name in names
        # A // in an object's name lists as a folder "/", which is none.
        if name.endswith("/") and name.strip("/")
      ]
    level = below
  return found


def exists(url: str) -> bool:
  """Returns whether a file or folder exists.

  Waits for the answer only as long as a person would.
  """
  answer = futures.Future()

  def ask(path):
    try:
      answer.set_result(path.exists())
    except Exception as error:
      answer.set_exception(error)

  with _user_errors(url):
    # The request cannot be cancelled, and a daemon does not delay the exit.
    threading.Thread(target=ask, args=[_path(url)], daemon=True).start()
    try:
      return answer.result(_PATIENCE_SECONDS)
    except TimeoutError:
      waited = f"no answer within {_PATIENCE_SECONDS} seconds"
      raise TimeoutError(waited) from None


def missing(urls: Sequence[str]) -> list[str]:
  """Returns which files do not exist, by a request for each."""
  if urls:
    exists(urls[0])
  answers = _concurrently(lambda url: _path(url).exists(), urls)
  return [url for url, is_there in answers if not is_there]


def siblings(urls: Iterable[str]) -> set[str]:
  """Returns everything in the folders that hold these files."""
  folders = sorted({posixpath.dirname(url) for url in urls})
  return {
    posixpath.join(folder, name)
    for folder, names in _concurrently(_list, folders)
    for name in names
  }


def _path(url) -> epath.Path:
  errors.check_installed("tensorflow", extra="train")
  try:
    return epath.Path(url)
  except KeyError:
    raise ValueError("unknown to etils.epath") from None


def _find(url) -> None:
  if not exists(url):
    raise FileNotFoundError(url)


def _list(folder) -> list[str]:
  """Returns the names in a folder; those of folders end in a slash.

  `epath.Path.iterdir` loses the slashes, and `epath.Path.walk` makes a request
  for each file to see whether it is a folder.
  """
  # Loading it takes seven seconds, and local files do not need it.
  import tensorflow as tf

  return tf.io.gfile.listdir(folder)


def _concurrently(request, urls: Sequence[str]) -> list[tuple]:
  """Returns each URL with what `request(url)` returns for it."""

  def ask(url):
    with _user_errors(url):
      return url, request(url)

  with futures.ThreadPoolExecutor(_REQUESTS) as pool:
    return list(pool.map(ask, urls))


@contextlib.contextmanager
def _user_errors(url):
  """Turns all failures of the network or the storage into a UserError."""
  try:
    yield
  except errors.UserError:
    raise
  except Exception as error:
    if url.startswith("gs://"):
      hint = (
        "it needs a network and credentials that may list and read there; those"
        " for a whole bucket include storage.buckets.get"
      )
    else:
      hint = "gs:// is read; mount other storage as a folder"
    raise errors.UserError(
      f"cannot read {url} ({errors.first_words(error)}); {hint}"
    ) from error
