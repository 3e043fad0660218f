"""Places2 with the released program's initialization and loss weights.

python -m gatedinpaint_jax.main --config=configs/released.py

Like `places2.py`, but that starts to learn sooner.
"""

from configs import places2


def get_config():
  config = places2.get_config()
  config.model.initializer = "released"
  return config
