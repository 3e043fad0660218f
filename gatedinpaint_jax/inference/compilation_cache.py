"""Keeps compiled programs on the disk, so that a second run starts fast."""

import os
import pathlib

import jax
from jax.experimental.compilation_cache import compilation_cache

from gatedinpaint_jax import errors, files

# Below this, reading a program back saves nothing.
_LEAST_SECONDS = 0.5


def enable() -> None:
  """Turns on JAX's compilation cache, unless it is on or cannot be.

  It lies in `gatedinpaint_jax/` of the user's cache folder (`XDG_CACHE_HOME`,
  else `~/.cache`). A folder that was chosen by `JAX_COMPILATION_CACHE_DIR` or
  `jax_compilation_cache_dir` stays.
  """
  if jax.config.jax_compilation_cache_dir is not None:
    return
  cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
  folder = pathlib.Path(cache) / "gatedinpaint_jax" / "compiled"
  try:
    files.make_folder(folder)
  except errors.UserError:
    return  # a home that cannot be written is no reason not to fill a hole
  jax.config.update("jax_compilation_cache_dir", str(folder))
  jax.config.update(
    "jax_persistent_cache_min_compile_time_secs", _LEAST_SECONDS
  )
  # JAX asks once whether there is a cache, at the first program it compiles.
  compilation_cache.reset_cache()
