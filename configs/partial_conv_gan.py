"""Partial convolutions trained like gated ones, with l1 and SN-PatchGAN.

python -m gatedinpaint_jax.main --config=configs/partial_conv_gan.py

Differs from `vanilla_conv.py` only in the convolution.
"""

from configs import vanilla_conv


def get_config():
  config = vanilla_conv.get_config()
  config.model.conv = "partial"
  return config
