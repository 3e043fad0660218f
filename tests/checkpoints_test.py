"""Checkpoints on disks that are full and after files were damaged."""

import gc
import json
import os
import resource
import shutil
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import tensorstore as ts

from gatedinpaint_jax import errors
from gatedinpaint_jax.training import checkpoints
from gatedinpaint_jax.training import state as state_lib
from tests import tiny_run

CONFIG = {"model": {"width": 4}}


def make_state(step):
  """Returns a state of one array per network, which depends on the step."""
  value = np.random.default_rng(step).normal(size=20_000).astype(np.float32)
  return state_lib.TrainState(
    step=jnp.int32(step),
    examples_seen=jnp.uint32(8 * step),
    generator={"a": jnp.asarray(value)},
    discriminator={"b": jnp.asarray(-value)},
    spectral={},
    generator_optimizer=optax.EmptyState(),
    discriminator_optimizer=optax.EmptyState(),
    generator_average=None,
  )


def save(workdir, *steps):
  with checkpoints.Checkpoints(workdir, keep=3) as store:
    for step in steps:
      store.save(make_state(step), CONFIG, window=[{"loss": step / 3}])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
  """A run with checkpoints of the steps 2, 4 and 6."""
  workdir = tmp_path_factory.mktemp("saved")
  save(workdir, 2, 4, 6)
  return workdir


@pytest.fixture
def workdir(saved, tmp_path):
  """A copy of it."""
  shutil.copytree(saved, tmp_path, dirs_exist_ok=True)
  return tmp_path


def restore_newest(workdir):
  sharding = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  with checkpoints.Checkpoints(workdir, keep=3) as store:
    step = store.newest_intact()
    return step, store.restore(step, make_state(0), sharding)


def assert_is(restored, step):
  jax.tree.map(np.testing.assert_array_equal, restored.state, make_state(step))
  assert restored.window == [{"loss": step / 3}]


def truncate(file, length):
  file.write_bytes(file.read_bytes()[:length])


@pytest.mark.parametrize("seed", range(12))
def test_what_comes_back_after_a_truncation_is_whole(workdir, seed):
  draw = np.random.default_rng(seed)
  folder = workdir / "checkpoints" / "6"
  files = sorted(path for path in folder.rglob("*") if path.is_file())
  file = files[draw.integers(len(files))]
  truncate(file, draw.integers(file.stat().st_size))
  step, restored = restore_newest(workdir)
  # Some files are not read any more once a checkpoint is whole.
  assert step in (4, 6)
  assert_is(restored, step)


@pytest.mark.parametrize(
  "file",
  [
    "_CHECKPOINT_METADATA",
    "config/metadata",
    "state/_METADATA",
    "state/manifest.ocdbt",
    "generator/manifest.ocdbt",
    "the arrays",
    "state",
    "generator",
  ],
)
def test_damaged_checkpoint_is_set_aside_for_the_one_before(workdir, file):
  folder = workdir / "checkpoints" / "6"
  if (folder / file).is_dir():
    shutil.rmtree(folder / file)
  elif file == "the arrays":
    sizes = {p.stat().st_size: p for p in folder.glob("state/**/*")}
    truncate(sizes[max(sizes)], 100)
  else:
    truncate(folder / file, 10)
  with tiny_run.captured_log() as lines:
    step, restored = restore_newest(workdir)
  assert step == 4
  assert_is(restored, 4)
  assert (workdir / checkpoints.DAMAGED / "6").is_dir()
  assert any("checkpoint 6 is damaged" in line for line in lines)
  save(workdir, 6)  # The run can save that step again.
  assert restore_newest(workdir)[0] == 6


def test_newest_intact_one_up_to_a_step_is_preferred(workdir):
  with checkpoints.Checkpoints(workdir, keep=3) as store:
    assert store.newest_intact(up_to=5) == 4
    assert store.newest_intact(up_to=1) == 6
    truncate(workdir / "checkpoints" / "4" / "state" / "_METADATA", 10)
    assert store.newest_intact(up_to=5) == 2


def test_all_damaged_is_an_error_and_no_new_beginning(workdir):
  for step in (2, 4, 6):
    (workdir / "checkpoints" / str(step) / "config" / "metadata").write_text("")
  for _ in range(2):  # the next run finds no checkpoint any more
    with pytest.raises(errors.UserError, match="none is intact; remove"):
      restore_newest(workdir)


def test_half_written_checkpoint_is_ignored_and_removed(workdir):
  folder = workdir / "checkpoints"
  unfinished = folder / "8.orbax-checkpoint-tmp"
  shutil.copytree(folder / "6", unfinished)
  with checkpoints.Checkpoints(workdir, keep=3) as store:
    assert store.newest_intact() == 6
    # Orbax removes it in the background, at the latest before the next save.
    store.save(make_state(8), CONFIG)
  assert not unfinished.exists()


def test_no_room_is_told_before_anything_is_written(workdir, monkeypatch):
  usage = shutil.disk_usage(workdir)
  monkeypatch.setattr(
    shutil, "disk_usage", lambda _: usage._replace(free=100_000)
  )
  with pytest.raises(
    errors.UserError, match=r"0 MB are free .* step 6 is saved; free some"
  ):
    save(workdir, 8)
  monkeypatch.undo()
  assert_is(restore_newest(workdir)[1], 6)


# The threads of orbax that failed leave tasks behind.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_failed_write_keeps_the_last_good_checkpoint(workdir):
  before = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
  try:
    with pytest.raises(
      errors.UserError,
      match=r"could not be written .* step 6 is saved; run the same command",
    ):
      save(workdir, 8)
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
  gc.collect()
  assert_is(restore_newest(workdir)[1], 6)


@pytest.fixture
def small_disk(tmp_path):
  """A disk of 600 kB, where the machine allows to mount one."""
  disk = tmp_path / "disk"
  disk.mkdir()
  mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)]
  if os.getuid() or subprocess.run(mount, capture_output=True).returncode:
    pytest.skip("needs the right to mount")
  yield disk
  subprocess.run(["umount", "-l", str(disk)], check=True)


# The threads of orbax that failed leave tasks behind.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_disk_that_fills_up_keeps_the_last_good_checkpoint(
  small_disk, monkeypatch
):
  save(small_disk, 2)
  (small_disk / "other").write_bytes(b"x" * 100_000)
  # Somebody else takes the room between the look and the writing.
  usage = shutil.disk_usage(small_disk)
  monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1e9))
  with pytest.raises(errors.UserError, match="could not be written") as caught:
    save(small_disk, 4)
  assert "step 2 is saved; free some space" in str(caught.value)
  assert "\n" not in str(caught.value)
  (small_disk / "other").unlink()
  monkeypatch.undo()
  gc.collect()
  assert_is(restore_newest(small_disk)[1], 2)


def pipe(step):
  (step / "_CHECKPOINT_METADATA").unlink()
  os.mkfifo(step / "_CHECKPOINT_METADATA")


def claim(step):
  base = {"driver": "file", "path": f"{step}/state/"}
  store = ts.KvStore.open({"driver": "ocdbt", "base": base}).result()
  about = json.loads(store.read("generator.a/.zarray").result().value)
  about["shape"] = [19_999]
  store.write("generator.a/.zarray", json.dumps(about).encode()).result()


def nest(step):
  (step / "_CHECKPOINT_METADATA").write_text("[" * 100_000)


def describe(step):
  path = step / "_CHECKPOINT_METADATA"
  about = json.loads(path.read_text()) | {"custom_metadata": {"window": 3}}
  path.write_text(json.dumps(about))


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize(
  ("change", "message"),
  [
    (pipe, "not a regular file"),
    (claim, "6 is not of this run"),
    (nest, "checkpoints has a checkpoint of another program"),
    (describe, "6 is not of this run"),
  ],
)
def test_checkpoint_of_a_stranger_is_one_line(workdir, change, message):
  change(workdir / "checkpoints" / "6")
  with pytest.raises((errors.UserError, OSError), match=message):
    restore_newest(workdir)
