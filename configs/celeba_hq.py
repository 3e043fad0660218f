"""CelebA-HQ at 256 x 256, as in the released program.

python -m gatedinpaint_jax.main --config=configs/celeba_hq.py

TensorFlow Datasets cannot download these pictures: its page on `celeb_a_hq`
lists the files to download by hand, and the program says where to put them.
"""

from configs import places2


def get_config():
  config = places2.get_config()
  config.data.path = "celeb_a_hq/256"
  # The dataset has a single split of 30,000 faces.
  config.data.train_split = "train[2000:]"
  config.data.validation_split = "train[:2000]"
  # Faces are aligned: pictures are resized without cropping.
  config.data.resize = "stretch"
  config.data.random_crop = False
  return config
