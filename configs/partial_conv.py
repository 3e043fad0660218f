"""Partial convolutions (Liu et al. 2018) in the paper's generator, without GAN.

python -m gatedinpaint_jax.main --config=configs/partial_conv.py

As the re-implementation that the paper compares with, but for its losses of
features: pixels in holes count 6 times as much as known ones, and that is all.
"""

from configs import vanilla_conv


def get_config():
  config = vanilla_conv.get_config()
  config.model.conv = "partial"
  config.model.discriminator = "none"
  config.loss.hole = 6.0
  config.loss.known = 1.0
  config.optimizer.generator_learning_rate = 2e-4
  config.optimizer.b1 = 0.9
  return config
