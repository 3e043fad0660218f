"""Global&Local (Iizuka et al. 2017): one network, a global and local critic.

python -m gatedinpaint_jax.main --config=configs/global_local.py

Three phases: 90,000 steps of squared error in the hole, 10,000 of only the
discriminator, 400,000 of both. As in its paper, a batch has 96 pictures and the
sides of holes are 96 to 128 pixels. Its post-processing (fast marching and
Poisson blending) is omitted, as in the DeepFill v2 paper's table.
"""

from configs import places2


def get_config():
  config = places2.get_config()
  config.data.batch_size = 96
  config.mask.kind = "boxes"

  config.model.generator = "completion"
  config.model.conv = "vanilla"
  config.model.width = 64
  config.model.discriminator = "global_local"
  config.model.discriminator_width = 64

  # The network has a single prediction, which must not count twice.
  config.loss.l1_coarse = 0.0
  config.loss.distance = "l2"
  config.loss.known = 0.0
  config.loss.gan = "non_saturating"
  config.loss.adversarial = 0.0004
  config.loss.discriminator = 1.0

  config.optimizer.kind = "adadelta"
  config.optimizer.generator_learning_rate = 1.0
  config.optimizer.discriminator_learning_rate = 1.0
  config.optimizer.b2 = 0.95
  config.optimizer.eps = 1e-6

  config.schedule.steps = 500_000
  config.schedule.completion_steps = 90_000
  config.schedule.discriminator_steps = 10_000
  return config
