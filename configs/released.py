"""Places2 with the released program's first draw and weights of the losses.

python -m gatedinpaint_jax.main --config=configs/released.py

As `places2.py`, whose kernels are drawn so that training begins at once.
"""

from configs import places2


def get_config():
  config = places2.get_config()
  config.model.initializer = "released"
  return config
