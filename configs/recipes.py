"""Recipes for training gated convolution, each with one change from `base`.

python -m gatedinpaint_jax.compare --config=configs/recipes.py \
    --config.training.data.path=PHOTOS \
    --config.training.data.validation_path=OTHER_PHOTOS

The learning rates of `quickstart.py` and `small.py` were chosen with it;
docs/training.md has the results. About four minutes per recipe on one core,
eight for `batch_16`.
"""

from configs import comparison


def get_config():
  config = comparison.get_config()
  training = config.training
  training.model.width = 12
  training.schedule.steps = 500
  training.schedule.evaluate_every_steps = 250
  # Shared by all recipes, as are `loss.hole` and `loss.known` of `comparison`.
  training.loss.adversarial = 0.02
  training.optimizer.generator_learning_rate = 1e-3
  training.optimizer.discriminator_learning_rate = 1e-3
  training.optimizer.decay = "cosine"
  training.optimizer.average_decay = 0.97

  rates = lambda generator, discriminator: {
    "optimizer": {
      "generator_learning_rate": generator,
      "discriminator_learning_rate": discriminator,
    }
  }
  loss = lambda **values: {"loss": values}
  # The methods of `comparison.py` stay in the config but are not trained.
  config.methods.update(
    {
      "base": {},
      "released_draw": {"model": {"initializer": "released"}},
      "rates_3e-4": rates(3e-4, 3e-4),
      "rates_2e-3": rates(2e-3, 2e-3),
      "rates_4e-3": rates(4e-3, 4e-3),
      # With a rate at which the discriminator does not collapse.
      "rate_of_g_2e-3": rates(2e-3, 5e-4),
      "rate_of_g_4e-3": rates(4e-3, 5e-4),
      "rate_of_d_2e-4": rates(1e-3, 2e-4),
      "rate_of_d_4e-3": rates(1e-3, 4e-3),
      "adversarial_0": loss(adversarial=0.0),
      "adversarial_001": loss(adversarial=0.01),
      "adversarial_01": loss(adversarial=0.1),
      "adversarial_1": loss(adversarial=1.0),
      "adversarial_01_late": {
        **loss(adversarial=0.1),
        "schedule": {"completion_steps": 300},
      },
      "hole_1": loss(hole=1.0, known=1.0),
      "hole_10": loss(hole=10.0),
      "separate_means": loss(hole=1.0, known=1.0, separate_means=True),
      "momentum_09": {"optimizer": {"b1": 0.9}},
      "average_none": {"optimizer": {"average_decay": None}},
      "average_099": {"optimizer": {"average_decay": 0.99}},
      "batch_4": {"data": {"batch_size": 4}},
      "batch_16": {"data": {"batch_size": 16}},
    }
  )
  config.trained = tuple(
    name for name in config.methods if name not in config.order
  )
  config.order = ("base",)
  config.mask_kinds = ("free_form",)
  return config
