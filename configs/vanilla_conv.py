"""The paper's generator with ordinary convolutions: its table's baseline.

python -m gatedinpaint_jax.main --config=configs/vanilla_conv.py

Losses and discriminator are those of gated convolution. A third more channels
make up for the gates, as in the paper: 3.60 million parameters, gated 4.05.
"""

from configs import places2


def get_config():
  config = places2.get_config()
  config.model.conv = "vanilla"
  config.model.width = 64
  config.model.discriminator_width = 64
  return config
