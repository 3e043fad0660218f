"""The model to ship: half width, photographs at their own scale, with sketches.

python -m gatedinpaint_jax.main --config=configs/photos.py \
    --config.data.path=PHOTOS --config.data.validation_path=OTHER_PHOTOS

For days on a processor or hours on an accelerator; it may be stopped at any
time, and the same command goes on. One model fills with and without a sketch.
When 128 x 128 is learned, train on at 256 x 256:

  --config.data.image_size="(256,256)" --allow_config_change
"""

from configs import folder


def get_config():
  config = folder.get_config()
  config.data.image_size = (128, 128)
  config.data.batch_size = 8
  # Crops of the photographs as they are: a model that only saw shrunken ones
  # knows no texture at the scale at which it is used.
  config.data.resize = "enlarge"

  # Holes as in training, and larger ones: people remove more than strokes.
  config.mask.strokes.count = (1, 5)
  config.mask.strokes.brush_width = (12 / 256, 60 / 256)
  # From 1/8 to 5/8 of a side.
  config.mask.boxes.size = (5 / 8, 5 / 8)
  config.mask.boxes.max_shrink = (1 / 4, 1 / 4)

  config.model.width = 24
  config.model.guided = True
  config.data.sketch = "edges"
  config.data.sketch_threshold = 0.2
  config.data.sketch_drop_probability = 0.5

  # l1 first; raise it with --allow_config_change when colours are right.
  config.loss.adversarial = 0.02
  # Constant, so that the run has no end that must be known at its beginning;
  # the moving average is what a falling rate would give. Half of what was best
  # for 500 steps.
  config.optimizer.generator_learning_rate = 1e-3
  config.optimizer.discriminator_learning_rate = 5e-4

  config.schedule.log_every_steps = 50
  config.schedule.evaluate_every_steps = 500
  config.schedule.checkpoint_every_steps = 250
  config.schedule.keep_checkpoints = 3

  config.evaluation.pictures = 81
  return config
