"""Configs of runs that take seconds: twelve soft pictures, 16 x 16, width 4."""

import contextlib
import logging as std_logging

import jax
import numpy as np
from absl import logging
from PIL import Image
from tensorboard.backend.event_processing import plugin_event_accumulator
from tensorboard.util import tensor_util

from configs import places2
from gatedinpaint_jax.data import build as data_build
from gatedinpaint_jax.training import checkpoints
from gatedinpaint_jax.training import setup as setup_lib
from gatedinpaint_jax.training import state as state_lib

# These tell about the machine, not about the run.
_OF_THE_MACHINE = ("images_per_second", "seconds_waited_for_data")


def write_photos(folder):
  """Writes an .npz of twelve soft pictures, 20 x 24, and returns its path."""
  rng = np.random.default_rng(0)
  corners = rng.uniform(0, 255, (12, 2, 2, 3)).astype(np.uint8)
  soft = [
    Image.fromarray(c).resize((24, 20), Image.Resampling.BILINEAR)
    for c in corners
  ]
  path = folder / "photos.npz"
  np.savez(path, images=np.stack([np.asarray(p) for p in soft]))
  return path


def config(photos, **schedule):
  """Returns a config of four steps with a checkpoint at every other one."""
  result = places2.get_config()
  result.data.update(
    source="arrays", path=str(photos), image_size=(16, 16), batch_size=8
  )
  result.model.width = 4
  result.optimizer.average_decay = 0.9
  result.schedule.update(
    steps=4, log_every_steps=2, evaluate_every_steps=4, checkpoint_every_steps=2
  )
  result.schedule.update(schedule)
  result.evaluation.update(pictures=3, strips=2, batch_size=8)
  result.lock()
  return result


def write_config(folder, photos, **schedule):
  """Writes such a config as a file for the program; returns its path."""
  path = folder / "tiny.py"
  path.write_text(
    "from tests import tiny_run\n"
    "def get_config():\n"
    f"  return tiny_run.config({str(photos)!r}, **{schedule!r})\n"
  )
  return path


def change_batches(monkeypatch, change):
  """Lets runs train on `change(batch, first_example)` of each batch."""
  find_pictures = data_build.find_pictures

  def find_changed(config):
    found = find_pictures(config)

    def batches(*, first_example, **kwargs):
      for batch in found.batches(first_example=first_example, **kwargs):
        yield change(batch, first_example)
        first_example += len(batch.image)

    return found._replace(batches=batches)

  monkeypatch.setattr(data_build, "find_pictures", find_changed)


def newest_step(workdir):
  """Returns the newest step that a run has saved, 0 if there is none."""
  folder = workdir / "checkpoints"
  steps = [int(p.name) for p in folder.glob("*") if p.name.isdecimal()]
  return max(steps, default=0)


def restore_state(config, workdir, step=None):
  """Returns the state that a run saved at a step, or its newest, in NumPy."""
  setup = setup_lib.build_setup(config)
  like = jax.eval_shape(
    lambda key: state_lib.create_state(key, setup, image_size=(16, 16)),
    jax.random.key(0),
  )
  sharding = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  store = checkpoints.Checkpoints(workdir, keep=100)
  with contextlib.closing(store):
    step = step or store.newest_intact()
    return jax.device_get(store.restore(step, like, sharding).state)


def read_scalars(workdir):
  """Returns {tag: [(step, value)]} as TensorBoard shows them."""
  # The reader of TensorBoard itself; the older one keeps superseded tensors.
  events = plugin_event_accumulator.EventAccumulator(
    str(workdir), tensor_size_guidance={"scalars": 0}
  )
  events.Reload()
  return {
    tag: [
      (event.step, tensor_util.make_ndarray(event.tensor_proto).item())
      for event in events.Tensors(tag)
    ]
    for tag in events.Tags()["tensors"]
    if tag.startswith(("train/", "validation/"))
    and not tag.endswith((*_OF_THE_MACHINE, "strip"))
  }


@contextlib.contextmanager
def captured_log():
  """Yields a list that gets each line of absl's log."""
  lines = []
  handler = std_logging.Handler()
  handler.emit = lambda record: lines.append(record.getMessage())
  logger, level = logging.get_absl_logger(), logging.get_verbosity()
  logger.addHandler(handler)
  logging.set_verbosity(logging.INFO)
  try:
    yield lines
  finally:
    logger.removeHandler(handler)
    logging.set_verbosity(level)
