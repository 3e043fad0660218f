"""Caches converted ONNX graphs on disk, so that a second run starts fast."""

import contextlib
import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable

import flax
import jax
import numpy as np

from gatedinpaint_jax import errors, files

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


def read_or_make(
  folder: pathlib.Path | None, generator, params, make: Callable[[], bytes]
) -> bytes:
  """Returns the graph that `make` returns, from the cache if possible.

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
  files = [(x.stat(), x) for x in folder.iterdir() if x.is_file()]
  total = 0
  for stat, file in sorted(files, key=lambda x: x[0].st_mtime, reverse=True):
    total += stat.st_size
    if total > _MAX_BYTES:
      file.unlink(missing_ok=True)
