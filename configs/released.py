"""Exactly the released program: its first draw and its weights of the losses.

python -m gatedinpaint_jax.main --config=configs/released.py

As `places2.py`, which begins with a draw that learns sooner.
"""

from configs import places2


def get_config():
  config = places2.get_config()
  config.model.initializer = "released"
  return config
