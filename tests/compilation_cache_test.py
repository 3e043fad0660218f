import json

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
