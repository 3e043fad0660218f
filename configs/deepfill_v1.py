"""DeepFill v1 (Yu et al. 2018), "ContextAttention" in the paper's table.

python -m gatedinpaint_jax.main --config=configs/deepfill_v1.py

Ordinary convolutions, contextual attention, discounted l1, and WGAN-GP with a
critic of the whole picture and one of the window on its hole, each moved five
times for one move of the generator. Holes are boxes, as there; the generator is
that of v2 at v1's widths, padded with zeros, its refinement network seeing the
roughly filled picture alone.

The weights of the losses are those published with its program, the discount is
that of the paper; DIFFERENCES.md says how close that comes.
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

  # Published as 1.2 for l1, and within it 1.2 for the coarse picture.
  config.loss.l1_coarse = 1.2 * 1.2
  config.loss.l1_refined = 1.2
  # l1 is a mean over the window on the hole, known pixels too, and beside it
  # one over all known pixels. Ours is one mean over the whole picture, of which
  # the window is a quarter and the known pixels are 0.81 on average: boxes have
  # from 3/8 to 1/2 of a side.
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
