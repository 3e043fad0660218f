"""Your own pictures: every picture below a folder.

python -m gatedinpaint_jax.main --config=configs/folder.py \
    --config.data.path=PHOTOS

64 of them are held out for validation, unless `--config.data.validation_path`
names another folder. Pictures are scaled to the smallest size that covers
256 x 256, then cropped and flipped at random.
"""

from configs import places2


def get_config():
  config = places2.get_config()
  config.data.source = "folder"
  config.data.path = "photos"
  config.data.resize = "short_side"
  config.data.antialias = True
  config.data.flip = True

  # At 1, the adversarial gradient is several times that of l1, and colours
  # emerge late, in our short runs at 64 x 64 (docs/training.md) and in reports
  # of users of other implementations. Not compared in runs of this length.
  config.loss.adversarial = 0.1
  # More stable than the latest parameters.
  config.optimizer.average_decay = 0.999
  return config
