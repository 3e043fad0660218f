"""Configs of runs that take seconds: twelve soft pictures, 16 x 16, width 4."""

import contextlib
import logging as std_logging

import numpy as np
from absl import logging
from PIL import Image

from configs import places2


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
    steps=4,
    log_every_steps=2,
    evaluate_every_steps=4,
    checkpoint_every_steps=2,
  )
  result.schedule.update(schedule)
  result.evaluation.update(pictures=3, strips=2, batch_size=8)
  result.lock()
  return result


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
