"""Vanilla, partial and gated convolution side by side, under one budget.

python -m gatedinpaint_jax.compare --config=configs/comparison.py

Trains one after the other with the bundled photographs, 8 to 10 minutes each on
one core, and scores them beside filling with the mean colour. Six photographs
decide nothing; with more of your own:

  python -m gatedinpaint_jax.compare --config=configs/comparison.py \
      --config.training.data.path=PHOTOS \
      --config.training.data.validation_path=OTHER_PHOTOS

It answers which method does more with the same short training, not what each
reaches in a long one.
"""

import ml_collections
from ml_collections import config_dict

from configs import quickstart


def get_config():
  config = ml_collections.ConfigDict()
  # A whole config of training, as `configs/places2.py`, that all methods share
  # but for what is their own: pictures, holes, optimizer, steps.
  config.training = get_training_config()
  # What a method has of its own, by its name: keys of the sections `model`,
  # `loss`, `optimizer` and `schedule` above, but not `schedule.steps`, and
  # `data.batch_size`. Whole sections of another config are fine too:
  # {"loss": other.get_config().loss}. Pictures and holes are everybody's, so
  # DeepFill v1 and Global&Local are not quite what their own configs train.
  config.methods = ml_collections.ConfigDict()
  # A gated layer makes two numbers of what others make one: a third more
  # channels make up for it, as in the paper. The discriminator stays the same.
  ungated = {"width": 32, "discriminator_width": 32}
  config.methods.vanilla = {"model": {"conv": "vanilla", **ungated}}
  config.methods.partial = {"model": {"conv": "partial", **ungated}}
  config.methods.gated = {"model": {"conv": "gated"}}
  # Each method is trained once with each of these; with several, intervals are
  # over seeds too. None: once, with `training.seed`.
  config.seeds = config_dict.placeholder(tuple)
  # Which of them are trained, in the order of the tables.
  config.trained = ("vanilla", "partial", "gated")
  # What fills without training, of `evaluate --method`. More need
  # `pip install -e ".[classical]"`: opencv_telea, opencv_navier_stokes,
  # biharmonic, patchmatch.
  config.untrained = ("mean_fill",)
  # Expected from the least l1 error to the most, as in the paper: each two that
  # follow one another are judged, and all methods are compared with the first.
  # Those that are neither trained nor in `untrained` are passed over.
  config.order = ("gated", "partial", "vanilla")
  # The pictures to score: a file, a folder or a pattern.
  config.images = config.training.data.get_oneway_ref("validation_path")
  # (height, width) to which they are scaled and cropped, the middle.
  config.size = config.training.data.get_oneway_ref("image_size")
  # free_form and rectangle, those of `evaluate`, and the seed of both.
  config.mask_kinds = ("free_form", "rectangle")
  config.mask_seed = 0
  # Whether LPIPS is computed, which needs `pip install -e ".[lpips]"`.
  config.lpips = False
  # Pictures that are completed at once.
  config.batch_size = 8
  # How many pictures are drawn for each kind of mask, the first ones; six have
  # each of the hole fractions once.
  config.grid_pictures = 6
  # How many pictures the page of `--study` has of each method, the first ones:
  # six with the first kind of mask, six with the second, and so on.
  config.study_pictures = 12
  return config


def get_training_config():
  """Returns what all share: 8 to 10 minutes a method on one core."""
  config = quickstart.get_config()
  config.model.width = 24
  # Half of what suits gated convolution best, and as much as all can bear: at
  # 2e-3 vanilla convolution fills with one colour from step 100 on.
  config.optimizer.generator_learning_rate = 1e-3
  config.schedule.steps = 700
  config.schedule.log_every_steps = 50
  config.schedule.evaluate_every_steps = 350
  config.schedule.checkpoint_every_steps = 100
  # The tables need the last one alone.
  config.schedule.keep_checkpoints = 1
  return config
