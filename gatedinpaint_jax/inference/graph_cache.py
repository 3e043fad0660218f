"""Keeps converted graphs on disk, so that a second run starts fast."""

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

# What decides a graph besides the generator: this code and that of JAX.
_SOURCES = (
  "batch.py",
  "export",
  "fast",
  "inference/openvino_backend.py",
  "layers",
  "networks",
)
# Of graphs and of what OpenVINO keeps beside them.
_MOST_BYTES = 10**9


def read_or_make(
  folder: pathlib.Path | None, generator, params, make: Callable[[], bytes]
) -> bytes:
  """Returns what `make` returns, from the folder if it has been made before.

  Args:
    folder: where graphs are kept; None for nowhere.
    generator: a network whose fields, with `params`, decide the graph.
    params: its parameters.
    make: returns the graph.
  """
  if folder is None:
    return make()
  path = folder / f"{_digest(generator, params)}.onnx"
  try:
    graph = path.read_bytes()
    os.utime(path)  # it is the newest again
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
  """Keeps the newest files, up to `_MOST_BYTES`."""
  files = [(x.stat(), x) for x in folder.iterdir() if x.is_file()]
  total = 0
  for stat, file in sorted(files, key=lambda x: x[0].st_mtime, reverse=True):
    total += stat.st_size
    if total > _MOST_BYTES:
      file.unlink(missing_ok=True)
