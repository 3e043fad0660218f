"""Partial convolutions (Liu et al. 2018) in the paper's generator, without GAN.

python -m gatedinpaint_jax.main --config=configs/partial_conv.py

Like the reimplementation that the paper compares with, but without perceptual
and style losses: l1 with 6 times the weight for hole pixels, and nothing else.
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
