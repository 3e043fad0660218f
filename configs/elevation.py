"""An elevation grid: heights in metres, one channel of int16.

python benchmarks/example_data.py --kind=elevation --output=elevation
python -m gatedinpaint_jax.main --config=configs/elevation.py

Needs Matplotlib, which brings the grid. docs/data.md tells what it learns.
"""

from configs import small


def get_config():
  config = small.get_config()
  config.data.source = "arrays"
  config.data.path = "elevation/train.npz"
  config.data.validation_path = "elevation/held_out.npz"
  config.data.image_size = (64, 64)
  config.data.batch_size = 8
  # Metres. From below the lowest to above the highest place of the region, so
  # that no slope is clipped.
  config.data.value_range = (200, 1100)
  config.model.channels = 1
  config.model.width = 16
  config.schedule.steps = 2000
  config.evaluation.pictures = 12
  return config
