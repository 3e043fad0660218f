"""Partial convolutions trained like gated ones, with l1 and SN-PatchGAN.

python -m gatedinpaint_jax.main --config=configs/partial_conv_gan.py

The convolution is all that differs from `vanilla_conv.py`.
"""

from configs import vanilla_conv


def get_config():
  config = vanilla_conv.get_config()
  config.model.conv = "partial"
  return config
