"""Files in cloud storage, named by a URL such as gs://bucket/photos.

`etils.epath` says what a URL means and hands the work to TensorFlow, which
reads gs:// and, as it is installed, nothing else. Every answer comes over a
network: what a listing tells is not asked file by file.
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

# TensorFlow asks ten times more, for minutes, before it gives up.
_PATIENCE_SECONDS = 60
# Questions at a time: nearly all of their time is waiting.
_AT_ONCE = 16
_URL = re.compile("[A-Za-z][A-Za-z0-9+.-]*://")


def is_url(path: str) -> bool:
  """Returns whether a path is a URL rather than one of this machine."""
  return _URL.match(path) is not None


def join(folder: str, name: str) -> str:
  """Returns the URL of a relative path, whose "." and ".." are followed."""
  scheme, place = folder.split("://", 1)
  return f"{scheme}://{posixpath.normpath(posixpath.join(place, name))}"


def read(url: str, *, key: str) -> io.BytesIO:
  """Returns a file, all of which is in memory then.

  Args:
    url: of the file.
    key: the config key that names it, for the messages.

  Raises:
    FileNotFoundError: if there is none.
    UserError: if it cannot be reached.
  """
  _find(url, key)
  try:
    return io.BytesIO(_path(url, key).read_bytes())
  except Exception as error:
    raise _unreachable(url, key, error) from error


def walk(folder: str, *, key: str) -> list[tuple[str, list[str]]]:
  """Returns all folders below a folder, and it, with the names of their files.

  Args:
    folder: where to start.
    key: the config key that names it, for the messages.

  Raises:
    FileNotFoundError: if there is no such folder.
    UserError: if one cannot be listed.
  """
  _find(folder, key)
  found, level = [], [os.fspath(_path(folder, key))]
  while level:
    below = []
    for parent, names in _at_once(_list, level, key):
      found.append((parent, [n for n in names if not n.endswith("/")]))
      below += [
        posixpath.join(parent, name)
        for name in names
        # An object's name may have // in it, which names no folder here.
        if name.endswith("/") and name.strip("/")
      ]
    level = below
  return found


def reach(url: str, *, key: str) -> None:
  """Raises UserError unless the storage answers, be the file there or not."""
  _exists(url, key)


def missing(urls: Sequence[str], *, key: str) -> list[str]:
  """Returns which of some files do not exist, asking for each.

  Raises:
    UserError: if that cannot be found out.
  """
  if urls:
    reach(urls[0], key=key)
  answers = _at_once(lambda url: _path(url, key).exists(), urls, key)
  return [url for url, exists in answers if not exists]


def beside(urls: Iterable[str], *, key: str) -> set[str]:
  """Returns all that is in the folders of some files, by listing these.

  Raises:
    UserError: if one cannot be listed.
  """
  folders = sorted({posixpath.dirname(url) for url in urls})
  return {
    posixpath.join(folder, name)
    for folder, names in _at_once(_list, folders, key)
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
  """Asks for a file or folder, for as long as a person would wait."""
  path = _path(url, key)
  answer = futures.Future()

  def ask():
    try:
      answer.set_result(path.exists())
    except Exception as error:
      answer.set_exception(error)

  # The question cannot be withdrawn: nobody waits for a daemon at the end.
  threading.Thread(target=ask, daemon=True).start()
  try:
    return answer.result(_PATIENCE_SECONDS)
  except TimeoutError as error:
    waited = f"no answer within {_PATIENCE_SECONDS} seconds"
    raise _unreachable(url, key, waited) from error
  except Exception as error:
    raise _unreachable(url, key, error) from error


def _list(folder) -> list[str]:
  """Returns what is in a folder; the names of folders end in a slash.

  `epath.Path.iterdir` loses the slashes, and `epath.Path.walk` asks whether
  each file is a folder: 100,000 questions for as many photos.
  """
  # Loading it takes seven seconds, and files of this machine do without.
  import tensorflow as tf

  return tf.io.gfile.listdir(folder)


def _at_once(
  question: Callable[[str], Any], urls: Sequence[str], key: str
) -> list[tuple[str, Any]]:
  """Returns each URL with the answer to a question about it."""

  def ask(url):
    try:
      return url, question(url)
    except Exception as error:
      raise _unreachable(url, key, error) from error

  with futures.ThreadPoolExecutor(_AT_ONCE) as pool:
    return list(pool.map(ask, urls))


def _unreachable(url, key, why) -> errors.UserError:
  """Returns the error for what the network or the storage refuses."""
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
