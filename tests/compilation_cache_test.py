import json
import os

import pytest

from gatedinpaint_jax.inference import compilation_cache
from tests import processes

PROGRAM = """
import json, sys
import jax
import jax.numpy as jnp
chosen = sys.argv[1]
if chosen:
  jax.config.update("jax_compilation_cache_dir", chosen)
jax.jit(lambda x: x + 1)(1.0)  # something was compiled before
from gatedinpaint_jax.inference import compilation_cache
compilation_cache.enable()
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.jit(lambda x: jnp.sin(x) * 3)(jnp.ones(5))
print(json.dumps(jax.config.jax_compilation_cache_dir))
"""


def run(home, chosen=""):
  """Compiles a program in a new process; returns the folder of its cache."""
  child = processes.run("-c", PROGRAM, chosen, XDG_CACHE_HOME=str(home))
  return json.loads(child.stdout)


def test_programs_are_kept_in_the_users_cache(tmp_path):
  folder = tmp_path / "gatedinpaint_jax" / "compiled"
  assert run(tmp_path) == str(folder)
  assert list(folder.iterdir())


def test_folder_that_was_chosen_stays(tmp_path):
  chosen = tmp_path / "chosen"
  assert run(tmp_path / "home", str(chosen)) == str(chosen)
  assert not (tmp_path / "home").exists()


def test_home_that_cannot_be_written_is_no_reason_to_stop(tmp_path):
  (tmp_path / "file").write_text("")
  assert run(tmp_path / "file") is None


@pytest.fixture
def cache(tmp_path, monkeypatch):
  monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "above" / "cache"))
  return tmp_path / "above" / "cache"


def test_folder_is_of_the_user_alone(cache):
  before = os.umask(0)
  try:
    folder = compilation_cache.folder("compiled")
  finally:
    os.umask(before)
  for made in (folder, folder.parent, cache, cache.parent):
    assert made.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o1777])
@pytest.mark.parametrize("place", ["gatedinpaint_jax/compiled", "."])
def test_folder_that_another_user_may_write_to_is_left_alone(
  cache, mode, place
):
  folder = compilation_cache.folder("compiled")
  (cache / place).chmod(mode)
  # Of a folder in a sticky one, as /tmp is, only its owner makes another.
  is_usable = mode == 0o1777 and folder != cache / place
  assert compilation_cache.folder("compiled") == (folder if is_usable else None)


def test_link_to_where_another_user_may_write_is_left_alone(cache, tmp_path):
  (tmp_path / "open").mkdir()
  (tmp_path / "open").chmod(0o777)
  (tmp_path / "open" / "cache").mkdir(mode=0o700)
  cache.mkdir(parents=True)
  (cache / "gatedinpaint_jax").symlink_to(tmp_path / "open" / "cache")
  assert compilation_cache.folder("compiled") is None
