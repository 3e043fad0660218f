"""Places2 with the released program's initialization.

python -m gatedinpaint_jax.main --config=configs/released.py

Everything else, loss weights included, is as released in `places2.py` already,
which starts to learn sooner.
"""

from configs import places2


def get_config():
  config = places2.get_config()
  config.model.initializer = "released"
  return config
