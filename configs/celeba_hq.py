"""CelebA-HQ at 256 x 256, as the released program trains it.

python -m gatedinpaint_jax.main --config=configs/celeba_hq.py

TensorFlow Datasets cannot download these pictures: its page of `celeb_a_hq`
says which files to place by hand, and the program says where.
"""

from configs import places2


def get_config():
  config = places2.get_config()
  config.data.path = "celeb_a_hq/256"
  # The set has one split of 30,000 faces.
  config.data.train_split = "train[2000:]"
  config.data.validation_split = "train[:2000]"
  # Faces are aligned: the whole picture is resized, nothing is cropped.
  config.data.resize = "stretch"
  config.data.random_crop = False
  return config
