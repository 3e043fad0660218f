"""Vanilla, partial and gated convolution compared under the same budget.

python -m gatedinpaint_jax.compare --config=configs/comparison.py

Trains each method on the bundled photographs, 8 to 10 minutes on one core, and
scores it along with mean colour fill. Six photographs prove little; with more
of your own:

  python -m gatedinpaint_jax.compare --config=configs/comparison.py \
      --config.training.data.path=PHOTOS \
      --config.training.data.validation_path=OTHER_PHOTOS

Shows which method gains most from the same short training, not what each can
reach in a long one.
"""

import ml_collections
from ml_collections import config_dict

from configs import quickstart


def get_config():
  config = ml_collections.ConfigDict()
  # A complete training config, as in `configs/places2.py`, that all methods
  # share.
  config.training = get_training_config()
  # The changes of each method, by name: keys of the sections `model`, `loss`,
  # `optimizer` and `schedule`, except `schedule.steps`, and `data.batch_size`.
  # Entire sections of another config work too, as in
  # {"loss": other.get_config().loss}. Pictures and holes are shared, so that
  # DeepFill v1 and Global&Local differ slightly from their own configs.
  config.methods = ml_collections.ConfigDict()
  # Gates take parameters. As in the paper, the other convolutions get a third
  # more channels instead. The discriminator stays the same.
  ungated = {"width": 32, "discriminator_width": 32}
  config.methods.vanilla = {"model": {"conv": "vanilla", **ungated}}
  config.methods.partial = {"model": {"conv": "partial", **ungated}}
  config.methods.gated = {"model": {"conv": "gated"}}
  # Each method is trained once with each of these seeds; with several, the
  # intervals cover seeds as well. None: once, with `training.seed`.
  config.seeds = config_dict.placeholder(tuple)
  # The methods to train, in the order of the tables.
  config.trained = ("vanilla", "partial", "gated")
  # Methods without training, as in `evaluate --method`. With
  # `pip install -e ".[classical]"` also: opencv_telea, opencv_navier_stokes,
  # biharmonic, patchmatch.
  config.untrained = ("mean_fill",)
  # The expected order by l1 error, lowest first, as in the paper. Each pair of
  # neighbours is tested, and all methods are compared with the first one.
  # Methods that are neither trained nor in `untrained` are ignored.
  config.order = ("gated", "partial", "vanilla")
  # The pictures to score: a file, a folder or a pattern.
  config.images = config.training.data.get_oneway_ref("validation_path")
  # (height, width) to which they are scaled and centre-cropped.
  config.size = config.training.data.get_oneway_ref("image_size")
  # Masks, as in `evaluate`: free_form and rectangle; and their seed.
  config.mask_kinds = ("free_form", "rectangle")
  config.mask_seed = 0
  # Whether to compute LPIPS, which needs `pip install -e ".[lpips]"`.
  config.lpips = False
  # Pictures per batch.
  config.batch_size = 8
  # Number of pictures to show per kind of mask, the first ones; the first six
  # cover all hole fractions.
  config.grid_pictures = 6
  # Number of pictures per method on the page of `--study`, the first ones: six
  # with the first kind of mask, six with the second, and so on.
  config.study_pictures = 12
  return config


def get_training_config():
  """Returns the shared config: 8 to 10 minutes per method on one core."""
  config = quickstart.get_config()
  config.model.width = 24
  # As in docs/comparison.md. Equal weights have turned out to be better since.
  config.loss.hole = 5.0
  config.loss.known = 1.25
  # Half of the best rate for gated convolution, and the highest at which all
  # methods learn: at 2e-3 vanilla convolution collapses to one colour at step
  # 100.
  config.optimizer.generator_learning_rate = 1e-3
  config.schedule.steps = 700
  config.schedule.log_every_steps = 50
  config.schedule.evaluate_every_steps = 350
  config.schedule.checkpoint_every_steps = 100
  # The tables need only the last one.
  config.schedule.keep_checkpoints = 1
  return config
