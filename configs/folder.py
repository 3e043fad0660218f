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
  return config
