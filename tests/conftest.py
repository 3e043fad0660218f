"""Settings that hold for every test."""

import functools
import importlib.util
import os
import signal
import types

import jax
import pytest

# Programs of XLA's older emitter, in one piece, compile in half the time. The
# XLA of jax 0.12 has the newer one alone and passes over such an option, though
# an unknown flag of its own, as xla_cpu_use_fusion_emitters there, is fatal.
COMPILE_FAST = (
  "--xla_backend_extra_options=xla_cpu_disable_new_fusion_emitters=true",
  "--xla_cpu_parallel_codegen_split_count=1",
)

jax.config.update("jax_platforms", "cpu")
# Most tests compile for seconds and compute for milliseconds. Set before the
# fixtures of modules, which come before `compile_fully`.
jax.config.update("jax_disable_most_optimizations", True)
# A silent broadcast of (N,) with (N, 1) is the classic way to a wrong loss.
jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_configure(config):
  """Sets what XLA reads once, before any backend starts.

  Eight devices of the processor: the tests of sharding need them, and the
  others use the first. Of programs that are compiled as users compile, nothing
  else is changed if they are asked for alone.
  """
  flags = ["--xla_force_host_platform_device_count=8"]
  if config.getoption("markexpr") != "optimized":
    flags += COMPILE_FAST
  os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *flags])


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config, log):
  """Lets one worker run a file: the fixtures of modules are made once."""
  from xdist import scheduler

  is_default = config.getvalue("dist") == "load"
  return scheduler.LoadFileScheduling(config, log) if is_default else None


@pytest.fixture(autouse=True, scope="session")
def keep_out_of_the_home(tmp_path_factory):
  """Lets an `Inpainter` keep its compiled programs with the other scratch."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    yield


@pytest.fixture(autouse=True, scope="session")
def compile_once(tmp_path_factory):
  """Keeps what was compiled: many tests train the same small networks.

  Runs of the tests that follow one another share it if TESTS_COMPILED names a
  folder.
  """
  scratch = tmp_path_factory.getbasetemp()
  if "PYTEST_XDIST_WORKER" in os.environ:
    scratch = scratch.parent  # of all workers
  folder = os.environ.get("TESTS_COMPILED", str(scratch / "compiled"))
  jax.config.update("jax_compilation_cache_dir", folder)
  # With a limit, JAX locks the folder, so that no worker reads half a program.
  jax.config.update("jax_compilation_cache_max_size", 10**10)
  jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


@pytest.fixture(autouse=True, scope="session")
def trace_once():
  """Lets runs of one config in one process share their step, as JAX then does.

  To trace and load it again takes longer than such a run. The shapes of
  networks, which every import of weights traces, are kept likewise.

  So a run does not see what a test patches in the step, in the losses or in the
  networks, if a run of the same config was traced before, and later runs see
  it, if it was not. Such a test calls `step.make_train_step` itself, or has a
  config that no other test has.
  """
  from gatedinpaint_jax.training import loop, setup, step
  from gatedinpaint_jax.weights import names

  # Of runs alone: tests of the step may change what is in it.
  step_of_runs = types.SimpleNamespace(**vars(step))
  step_of_runs.make_train_step = functools.cache(step.make_train_step)
  build_setup, setups = setup.build_setup, {}
  shapes = names.shapes
  shapes_of_items = functools.cache(lambda items: shapes(dict(items)))

  def build_once(config):
    schedule = config.schedule.to_dict()
    if config.optimizer.decay == "constant":
      schedule = [
        schedule["completion_steps"],
        schedule["discriminator_steps"],
        schedule["generator_every_steps"],
      ]
    shared = [config[part] for part in ("model", "loss", "optimizer", "seed")]
    key = str((schedule, *shared))
    if key not in setups:
      setups[key] = build_setup(config)
    return setups[key]

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(setup, "build_setup", build_once)
    patch.setattr(loop, "step_lib", step_of_runs)
    patch.setattr(
      names,
      "shapes",
      lambda model: dict(shapes_of_items(tuple(dict(model).items()))),
    )
    yield


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
  """The pictures of `tiny_run`, for all who only read them."""
  from tests import tiny_run

  return tiny_run.write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
  """That of `small_checkpoint`, likewise."""
  from tests import small_checkpoint

  return small_checkpoint.write(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture
def refused(monkeypatch, capsys):
  """Shows that a program refuses flags: see `programs.refusal`."""
  from tests import programs

  def refused(program, flags, *parts):
    printed = programs.refusal(program, flags, monkeypatch, capsys)
    for part in parts:
      assert part in printed

  return refused


@pytest.fixture
def in_time():
  """Fails a test that waits, as for someone to write to a pipe."""
  # Not an exception that the code could take for one of a file.
  signal.signal(signal.SIGALRM, lambda *_: pytest.fail("waits"))
  signal.alarm(300)
  yield
  signal.alarm(0)


@pytest.fixture
def uninstall(monkeypatch):
  """Lets packages seem not to be installed; without names, all."""
  find = importlib.util.find_spec

  def uninstall(*names):
    monkeypatch.setattr(
      importlib.util,
      "find_spec",
      lambda name: None if not names or name in names else find(name),
    )

  return uninstall


@pytest.fixture(autouse=True)
def compile_fully(request):
  """Compiles tests marked `optimized` as users compile.

  Comparisons with the released program run what users run, to the last flag
  with `-m optimized`.
  """
  is_optimized = request.node.get_closest_marker("optimized") is not None
  jax.config.update("jax_disable_most_optimizations", not is_optimized)
  yield
  jax.config.update("jax_disable_most_optimizations", True)
