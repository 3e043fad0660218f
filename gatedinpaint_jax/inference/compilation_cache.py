"""Caches on disk, so that a second run starts fast.

They hold what JAX and OpenVINO compile, and converted ONNX graphs.
"""

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import stat
from collections.abc import Callable

import flax
import jax
import numpy as np
from jax.experimental.compilation_cache import compilation_cache

from gatedinpaint_jax import errors, files

# Programs that compile faster are not worth reading back.
_MIN_SECONDS = 0.5
# The code that determines a graph, besides the versions of JAX and Flax.
_SOURCES = (
  "batch.py",
  "export",
  "fast",
  "inference/openvino_backend.py",
  "layers",
  "networks",
)
# Of graphs and of the files that OpenVINO puts next to them.
_MAX_BYTES = 10**9


def folder(name: str) -> pathlib.Path | None:
  """Returns a folder of the user's cache, None if it cannot be used.

  The cache is `gatedinpaint_jax/` in `XDG_CACHE_HOME`, else in `~/.cache`.
  Whoever may write to it chooses the programs that run, so it must belong to
  the user alone.
  """
  try:
    cache = files.expand(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    path = cache / "gatedinpaint_jax" / name
    for made in reversed((path, *path.parents)):
      made.mkdir(mode=0o700, exist_ok=True)
    files.make_folder(path)
    is_private = _is_private(path) and _is_private(path.resolve())
  # RuntimeError is for a user without a home.
  except (errors.UserError, OSError, RuntimeError):
    return None  # slower without a cache, but not an error
  return path if is_private else None


def _is_private(folder) -> bool:
  """Returns whether no other user may write to a folder or replace it."""

  def is_safe(path):
    found = path.stat()
    others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    # In a sticky folder, such as /tmp, only its owner may replace a folder.
    is_sticky = found.st_mode & stat.S_ISVTX and path != folder
    return found.st_uid in (0, os.getuid()) and (is_sticky or not others_write)

  return all(map(is_safe, (folder, *folder.parents)))


def enable() -> None:
  """Turns on JAX's compilation cache if its folder can be written.

  An explicit choice by `JAX_COMPILATION_CACHE_DIR` or
  `jax_compilation_cache_dir` is respected.
  """
  if jax.config.jax_compilation_cache_dir is not None:
    return
  path = folder("compiled")
  if path is None:
    return
  jax.config.update("jax_compilation_cache_dir", str(path))
  jax.config.update("jax_persistent_cache_min_compile_time_secs", _MIN_SECONDS)
  # JAX looks for a cache only once, when it compiles its first program.
  compilation_cache.reset_cache()


def read_or_make_graph(
  folder: pathlib.Path | None, generator, params, make: Callable[[], bytes]
) -> bytes:
  """Returns the ONNX graph that `make` returns, from a folder if possible.

  The fields of the generator and its parameters must determine the graph.
  Without a folder there is no cache.
  """
  if folder is None:
    return make()
  path = folder / f"{_digest(generator, params)}.onnx"
  try:
    graph = path.read_bytes()
    os.utime(path)  # marks it as the most recently used
  except OSError:
    graph = make()
    with contextlib.suppress(errors.UserError):  # a full disk, perhaps
      files.write(path, graph)
  with contextlib.suppress(OSError):
    _remove_oldest(folder)
  return graph


def _digest(generator, params) -> str:
  digest = hashlib.sha256(f"{jax.__version__} {flax.__version__}".encode())
  for field in dataclasses.fields(generator):
    value = getattr(generator, field.name)
    if isinstance(value, str | int):
      digest.update(f"{field.name}={value};".encode())
  for path, value in jax.tree_util.tree_leaves_with_path(params):
    value = np.ascontiguousarray(value)
    digest.update(f"{jax.tree_util.keystr(path)} {value.shape};".encode())
    digest.update(value)
  root = pathlib.Path(__file__).parents[1]
  for name in _SOURCES:
    for file in sorted((root / name).rglob("*.py")) or [root / name]:
      digest.update(file.read_bytes())
  return digest.hexdigest()


def _remove_oldest(folder):
  """Keeps the most recently used files, up to `_MAX_BYTES`."""
  found = [(x.stat(), x) for x in folder.iterdir() if x.is_file()]
  total = 0
  for about, file in sorted(found, key=lambda x: x[0].st_mtime, reverse=True):
    total += about.st_size
    if total > _MAX_BYTES:
      file.unlink(missing_ok=True)
