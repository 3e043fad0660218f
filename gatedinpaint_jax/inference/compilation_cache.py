"""Caches compiled programs on disk, so that a second run starts fast."""

import os
import pathlib

import jax
from jax.experimental.compilation_cache import compilation_cache

from gatedinpaint_jax import errors, files

# Programs that compile faster are not worth reading back.
_MIN_SECONDS = 0.5


def folder(name: str) -> pathlib.Path | None:
  """Returns a folder of the user's cache, None if it cannot be written.

  The cache is `gatedinpaint_jax/` in `XDG_CACHE_HOME`, else in `~/.cache`.
  """
  cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
  path = pathlib.Path(cache) / "gatedinpaint_jax" / name
  try:
    files.make_folder(path)
  except errors.UserError:
    return None  # slower without a cache, but not an error
  return path


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
