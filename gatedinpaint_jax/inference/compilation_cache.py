"""Keeps compiled programs on disk, so that a second run starts fast."""

import os
import pathlib

import jax
from jax.experimental.compilation_cache import compilation_cache

from gatedinpaint_jax import errors, files

# Below this, reading a program back saves nothing.
_LEAST_SECONDS = 0.5


def folder(name: str) -> pathlib.Path | None:
  """Returns a folder to keep things in, None if it cannot be written.

  It lies in `gatedinpaint_jax/` of the user's cache folder (`XDG_CACHE_HOME`,
  else `~/.cache`).
  """
  cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
  path = pathlib.Path(cache) / "gatedinpaint_jax" / name
  try:
    files.make_folder(path)
  except errors.UserError:
    return None  # without a cache it is slower, and that is all
  return path


def enable() -> None:
  """Turns on JAX's compilation cache, unless it is on or cannot be.

  A folder that was chosen by `JAX_COMPILATION_CACHE_DIR` or
  `jax_compilation_cache_dir` is respected.
  """
  if jax.config.jax_compilation_cache_dir is not None:
    return
  path = folder("compiled")
  if path is None:
    return
  jax.config.update("jax_compilation_cache_dir", str(path))
  jax.config.update(
    "jax_persistent_cache_min_compile_time_secs", _LEAST_SECONDS
  )
  # JAX asks once whether there is a cache, at the first program it compiles.
  compilation_cache.reset_cache()
