"""Satellite scenes: reflectance in six bands of float32, clouds as NaN.

python benchmarks/example_data.py --kind=six_bands --output=six_bands
python -m gatedinpaint_jax.main --config=configs/six_bands.py

The scenes are made up. docs/data.md tells what it learns.
"""

from configs import small


def get_config():
  config = small.get_config()
  config.data.source = "arrays"
  config.data.path = "six_bands/train.npz"
  config.data.validation_path = "six_bands/held_out.npz"
  config.data.image_size = (64, 64)
  config.data.batch_size = 8
  # Reflectance: land is darker in blue, green and red than in the infrared.
  config.data.value_range = ((0, 0.3),) * 3 + ((0, 0.65),) * 3
  # Strips show the infrared as red, as is usual for vegetation.
  config.data.shown_channels = (3, 2, 1)
  config.model.channels = 6
  config.model.width = 16
  config.schedule.steps = 1500
  config.evaluation.pictures = 24
  return config
