"""The model to ship: half width, unscaled photographs, optional sketches.

python -m gatedinpaint_jax.main --config=configs/photos.py \
    --config.data.path=PHOTOS --config.data.validation_path=OTHER_PHOTOS

Takes days on a CPU or hours on an accelerator. It may be stopped at any time;
the same command resumes it. Once the losses at 128 x 128 have settled, continue
at 256 x 256 with:

  --config.data.image_size="(256,256)" --allow_config_change
"""

from configs import folder


def get_config():
  config = folder.get_config()
  config.data.image_size = (128, 128)
  config.data.batch_size = 8
  # Crops of unscaled photographs: a model trained on reduced ones has never
  # seen texture at the scale at which it will be used.
  config.data.resize = "enlarge"

  # Larger holes as well, because people remove entire objects.
  config.mask.strokes.count = (1, 5)
  config.mask.strokes.brush_width = (12 / 256, 60 / 256)
  # 1/8 to 5/8 of the picture's sides.
  config.mask.boxes.size = (5 / 8, 5 / 8)
  config.mask.boxes.max_shrink = (1 / 4, 1 / 4)

  config.model.width = 24
  config.model.guided = True
  config.data.sketch = "edges"
  config.data.sketch_threshold = 0.2
  config.data.sketch_drop_probability = 0.5

  # Mostly l1; raise it with --allow_config_change once the colours are right.
  config.loss.adversarial = 0.02
  # A constant rate, so that the length of the run can stay open; the moving
  # average has the effect of a decay. Half of the best rate for 500 steps.
  config.optimizer.generator_learning_rate = 1e-3
  config.optimizer.discriminator_learning_rate = 5e-4

  config.schedule.log_every_steps = 50
  config.schedule.evaluate_every_steps = 500
  config.schedule.checkpoint_every_steps = 250
  config.schedule.keep_checkpoints = 3

  config.evaluation.pictures = 81
  return config
