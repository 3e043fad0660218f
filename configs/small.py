"""A first impression on your own pictures: 128 x 128, half the width.

python -m gatedinpaint_jax.main --config=configs/small.py \
    --config.data.path=PHOTOS

300 steps of 4 pictures; about ten minutes on two CPU cores.
"""

from configs import folder


def get_config():
  config = folder.get_config()
  config.data.image_size = (128, 128)
  config.data.batch_size = 4
  config.model.width = 24
  # The best of the short runs at 64 x 64 (docs/training.md); not compared at
  # 128 x 128.
  config.loss.adversarial = 0.02
  config.optimizer.generator_learning_rate = 2e-3
  config.optimizer.discriminator_learning_rate = 5e-4
  config.optimizer.decay = "cosine"
  config.optimizer.average_decay = 0.97
  config.schedule.steps = 300
  config.schedule.log_every_steps = 20
  config.schedule.evaluate_every_steps = 100
  config.schedule.checkpoint_every_steps = 100
  return config
