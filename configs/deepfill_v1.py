"""DeepFill v1 (Yu et al. 2018), "ContextAttention" in the paper's table.

python -m gatedinpaint_jax.main --config=configs/deepfill_v1.py

Vanilla convolutions, contextual attention, discounted l1, and WGAN-GP with a
global critic and a local one on a window around the hole, which are updated
five times per generator update. Holes are boxes, as in that paper. The
generator is that of v2 with v1's widths and zero padding, and the input of its
refinement network is only the coarse completion.

The loss weights are those of its released program, the discount is that of the
paper; DIFFERENCES.md lists what remains different.
"""

from configs import places2


def get_config():
  config = places2.get_config()
  config.mask.kind = "boxes"

  config.model.conv = "vanilla"
  config.model.width = 64
  config.model.bound = "clip"
  config.model.discriminator = "global_and_local_critics"
  config.model.discriminator_width = 64

  # Released: 1.2 for l1, and a factor of 1.2 for the coarse prediction.
  config.loss.l1_coarse = 1.2 * 1.2
  config.loss.l1_refined = 1.2
  # Released: a mean over the window, known pixels included, plus a mean over
  # all known pixels. Here: a weighted mean over the entire picture, of which
  # the window is a quarter and the known pixels are 0.81 on average, because
  # the sides of boxes are 3/8 to 1/2 of those of the picture.
  config.loss.hole = 4.0
  config.loss.window = 4.0
  config.loss.known = 1 / (1 - (7 / 16) ** 2)
  config.loss.discount = 0.99
  config.loss.gan = "wasserstein"
  config.loss.adversarial = 0.001
  config.loss.discriminator = 1.0
  config.loss.gradient_penalty = 10.0

  config.optimizer.b2 = 0.9
  config.schedule.generator_every_steps = 5
  return config
