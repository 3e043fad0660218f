"""Places2 at 256 x 256 with the released hyperparameters: the reference config.

Documents every key; the other configs call its `get_config()` and change some.
`gatedinpaint_jax/config_ranges.py` has the range of every number.
Sizes are (height, width). "Released" refers to the authors' program.

  python -m gatedinpaint_jax.main --config=configs/places2.py

The first run downloads `places365_small` (about 30 GB) through TensorFlow
Datasets into `config.data.tfds_dir`.
"""

import math

import ml_collections
from ml_collections import config_dict


def get_config():
  config = ml_collections.ConfigDict()
  # Determines all random numbers, together with the step and the index of the
  # picture in the training stream.
  config.seed = 0
  config.data = get_data_config()
  config.mask = get_mask_config()
  config.model = get_model_config()
  config.loss = get_loss_config()
  config.optimizer = get_optimizer_config()
  config.schedule = get_schedule_config()
  config.evaluation = get_evaluation_config()
  return config


def get_data_config():
  data = ml_collections.ConfigDict()
  # Where the pictures come from:
  #   tfds       a dataset of TensorFlow Datasets
  #   folder     all pictures below a folder
  #   file_list  a text file with one path per line
  #   arrays     an .npz file with `images` [N, H, W, C] uint8, uint16, int16 or
  #              float32. Does not need TensorFlow; pictures are only cropped,
  #              so that `resize` and `antialias` have no effect
  data.source = "tfds"
  # The name of the dataset, or the path of the folder, text file or .npz file.
  # Paths of pictures and masks may be gs:// URLs.
  data.path = "places365_small"
  # Validation pictures, of the same kind as `path`. None: `validation_split`
  # for tfds, otherwise `evaluation.pictures` pictures are held out of `path`.
  data.validation_path = config_dict.placeholder(str)
  # tfds only: split expressions, and the folder of the datasets (None: the
  # default of TensorFlow Datasets).
  data.train_split = "train"
  data.validation_split = "validation"
  data.tfds_dir = config_dict.placeholder(str)
  # For data that is not photographs, see docs/data.md: what the networks'
  # [-1, 1] stands for, in the units of the data. One (low, high) for all
  # channels, or one for each: ((0, 1), (-10, 40)). (): levels of 8 bits, to
  # which 16 bits are reduced; arrays must be uint8 then.
  data.value_range = ()
  # Unless it is stated: the two quantiles, such as (0.001, 0.999), of each
  # channel of the training pictures, measured when the run begins.
  data.range_quantiles = ()
  # A value that stands for a missing one, as NaN always does. Places where any
  # channel is missing are holes that no loss sees.
  data.no_data = config_dict.placeholder(float)
  # Which channels strips show, from 0: one as grey, or three as red, green and
  # blue. (): the first three, or the first one.
  data.shown_channels = ()
  # (height, width) of the training pictures in pixels, multiples of 8.
  data.image_size = (256, 256)
  # Pictures per step on all devices and hosts together.
  data.batch_size = 16
  # How pictures are resized before they are cropped to image_size:
  #   enlarge     enlarge those with a side that is too small (released)
  #   short_side  scale to the smallest size that covers image_size
  #   stretch     scale to exactly image_size, ignoring the aspect ratio
  data.resize = "enlarge"
  # Antialias when reducing the size. Released: False.
  data.antialias = False
  # True: crop at a random position; False: crop the centre.
  data.random_crop = True
  # Flip pictures horizontally, with probability 1/2.
  data.flip = False
  # True: a new order in every epoch; False: the order of the source (released).
  data.shuffle = True
  # tfds only: number of pictures in the shuffle buffer, in memory.
  data.shuffle_buffer = 4096
  # Sketches, for guided models only:
  #   files  the sketch of X.jpg is X_edge.jpg
  #   edges  detected in the picture
  #   None   no sketches; required unless model.guided
  data.sketch = config_dict.placeholder(str)
  # Values above this are lines, in [0, 1]. For files: the pixel value / 255,
  # for edges: the gradient relative to the largest one in the picture.
  data.sketch_threshold = 0.6
  # Probability of training on a picture without its sketch, in [0, 1].
  data.sketch_drop_probability = 0.0
  return data


def get_mask_config():
  mask = ml_collections.ConfigDict()
  # Shape of the holes: strokes, boxes, strokes_and_boxes (their union, as
  # released) or files.
  mask.kind = "strokes_and_boxes"
  # files only: a folder of pictures whose pixels of 128 and above are hole.
  # They are resized to image_size with nearest-neighbour interpolation.
  mask.path = config_dict.placeholder(str)
  # files only: pixels below 128 are hole instead.
  mask.invert = False
  # Flip masks horizontally and vertically, each with probability 1/2. The
  # released program computes the flips but discards the result.
  mask.flip = True
  # Brush strokes. Ranges are inclusive. Lengths are relative to the picture's
  # diagonal / sqrt(2), which is 256 for a picture of 256 x 256.
  mask.strokes = ml_collections.ConfigDict()
  # Strokes per mask.
  mask.strokes.count = (1, 3)
  # Vertices per stroke after the first one.
  mask.strokes.vertices = (4, 11)
  mask.strokes.brush_width = (12 / 256, 39 / 256)
  # Mean distance between vertices, which is normally distributed.
  mask.strokes.mean_step = math.sqrt(2) / 8
  # Radians. Strokes zigzag around the horizontal: the angles of their segments
  # are at most angle_range from mean_angle, and every other one is mirrored.
  mask.strokes.mean_angle = 2 * math.pi / 5
  mask.strokes.angle_range = 2 * math.pi / 15
  # Boxes, relative to the picture's (height, width): the largest size, and how
  # far each side may move inwards at random, opposite sides equally.
  mask.boxes = ml_collections.ConfigDict()
  mask.boxes.size = (0.5, 0.5)
  mask.boxes.max_shrink = (1 / 16, 1 / 16)
  return mask


def get_model_config():
  model = ml_collections.ConfigDict()
  # inpaint: the paper's coarse and refinement networks; completion: the network
  # of Global&Local.
  model.generator = "inpaint"
  # Channels of the pictures: 3 for RGB, 1 for grey, or any number.
  model.channels = 3
  # Kind of convolution: gated, partial or vanilla.
  model.conv = "gated"
  # Channels of the generator's first convolution, a multiple of 4; the other
  # layers scale with it. Half of the channels of a gated convolution are gates,
  # so that its output has width / 2 channels; vanilla and partial convolutions
  # compute only these, completion computes all. Paper: 48.
  model.width = 48
  # Initialization of the generator's kernels:
  #   variance_preserving  each layer preserves the power of its input, so that
  #                        training starts at once
  #   released             Glorot, with which hardly any signal reaches the last
  #                        layers; see docs/training.md
  # Ignored by completion, which has batch normalization.
  model.initializer = "variance_preserving"
  # How predictions are limited to [-1, 1]: tanh (released) or clip.
  model.bound = "tanh"
  # patch: SN-PatchGAN; global_and_local_critics: DeepFill v1; global_local:
  # Global&Local; none: no adversarial loss.
  model.discriminator = "patch"
  # Channels of the discriminator's first layer; None: 4/3 of `width`. The
  # paper's is 64.
  model.discriminator_width = config_dict.placeholder(int)
  # Whether both networks take a sketch as input.
  model.guided = False
  # Precision of the computation: float32 or bfloat16. Parameters, softmax and
  # spectral normalization are always in float32.
  model.dtype = "float32"
  # Gradient checkpointing: recompute the generator's layers in the backward
  # pass. Less memory, more time.
  model.rematerialize = False
  return model


def get_loss_config():
  loss = ml_collections.ConfigDict()
  # Weights of the pixel losses of the coarse and the refined prediction, each a
  # mean over all pixels.
  loss.l1_coarse = 1.0
  loss.l1_refined = 1.0
  # Pixel loss: l1 (absolute difference) or l2 (squared difference).
  loss.distance = "l1"
  # Weights of hole pixels and known pixels in these means.
  loss.hole = 1.0
  loss.known = 1.0
  # True: each picture's loss is hole * (mean over hole pixels) + known * (mean
  # over known pixels) instead of a single weighted mean.
  loss.separate_means = False
  # DeepFill v1: added to the weight of known pixels in a window of half the
  # height and width, centred on the hole.
  loss.window = 0.0
  # DeepFill v1: the weight of a hole pixel is multiplied by this factor for
  # each pixel of distance from the border of the hole, in (0, 1].
  loss.discount = 1.0
  # Weight of the generator's adversarial loss.
  loss.adversarial = 1.0
  # Weight of the discriminator's loss. Paper: 1; released: 1/2.
  loss.discriminator = 0.5
  # Adversarial loss: hinge, wasserstein or non_saturating.
  loss.gan = "hinge"
  # Weight of the gradient penalty. Must be above 0 for wasserstein (its paper
  # uses 10), and 0 unless the discriminator is global_and_local_critics.
  loss.gradient_penalty = 0.0
  return loss


def get_optimizer_config():
  optimizer = ml_collections.ConfigDict()
  # adam or adadelta (which ignores b1 and uses b2 as rho), one optimizer for
  # each network.
  optimizer.kind = "adam"
  optimizer.generator_learning_rate = 1e-4
  optimizer.discriminator_learning_rate = 1e-4
  optimizer.b1 = 0.5
  optimizer.b2 = 0.999
  optimizer.eps = 1e-8
  # Learning rate decay: constant, linear or cosine (both to 0 at
  # schedule.steps).
  optimizer.decay = "constant"
  # Number of steps of linear warm-up from 0.
  optimizer.warmup_steps = 0
  # Gradient accumulation: split each batch into this many parts. The step is
  # the same with less memory, but the generator's forward pass runs twice. Must
  # be 1 with batch normalization (completion, global_local).
  optimizer.accumulation_steps = 1
  # Clip gradients to this global norm; None: no clipping.
  optimizer.clip_norm = config_dict.placeholder(float)
  # Decay a of a moving average of the generator, average = a * average +
  # (1 - a) * parameters, in [0, 1), which validation and inference use. After
  # t steps it is at most (1 + t) / (10 + t). None: no average.
  optimizer.average_decay = config_dict.placeholder(float)
  return optimizer


def get_schedule_config():
  schedule = ml_collections.ConfigDict()
  # Length of the run. A step updates the discriminator, then the generator.
  schedule.steps = 1_000_000
  # For baselines: the first completion_steps update only the generator, without
  # adversarial loss; the next discriminator_steps only the discriminator.
  schedule.completion_steps = 0
  schedule.discriminator_steps = 0
  # For baselines: after that, the generator is updated once in this many steps.
  schedule.generator_every_steps = 1
  # Steps between progress reports, validations and checkpoints.
  schedule.log_every_steps = 100
  schedule.evaluate_every_steps = 2000
  schedule.checkpoint_every_steps = 4000
  # Number of checkpoints to keep, the newest ones.
  schedule.keep_checkpoints = 5
  # A step with a loss or gradient that is not finite is skipped. After this
  # many consecutive ones, the run goes back to the newest checkpoint before
  # them and continues with other pictures. If it fails again before the next
  # checkpoint, it stops.
  schedule.skipped_steps_to_go_back = 10
  # Write profiles for TensorBoard, at step 10 and then once an hour.
  schedule.profile = False
  return schedule


def get_evaluation_config():
  evaluation = ml_collections.ConfigDict()
  # Number of validation pictures to score, and to show in the strips.
  evaluation.pictures = 64
  evaluation.strips = 8
  # Pictures per batch on all devices together.
  evaluation.batch_size = 16
  # Determines the crops and holes of the validation pictures.
  evaluation.seed = 2018
  return evaluation
