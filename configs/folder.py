"""Your own pictures: every jpg, png and webp below a folder.

python -m gatedinpaint_jax.main --config=configs/folder.py \
    --config.data.path=PHOTOS

64 of them are held out for validation, unless `--config.data.validation_path`
names another folder. Pictures are scaled until they just cover 256 x 256, then
cropped anywhere and mirrored at random.
"""

from configs import places2


def get_config():
  config = places2.get_config()
  config.data.source = "folder"
  config.data.path = "photos"
  config.data.resize = "short_side"
  config.data.antialias = True
  config.data.flip = True

  # At 1 the discriminator's gradient is several times that of l1 and colours
  # come late: so in short runs at 64 x 64 (docs/training.md) and as users of
  # other implementations report. A run as long as this one was not compared.
  config.loss.adversarial = 0.1
  # Steadier than the newest parameters.
  config.optimizer.average_decay = 0.999
  return config
