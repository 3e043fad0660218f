"""Places2 at 256 x 256 with the released hyper-parameters: the reference.

Every key that the program reads is here with its meaning; the other configs
call this `get_config()` and set what differs. Sizes are (height, width).

  python -m gatedinpaint_jax.main --config=configs/places2.py

The first run downloads `places365_small` (about 30 GB) by the means of
TensorFlow Datasets into `config.data.tfds_dir`.
"""

import math

import ml_collections
from ml_collections import config_dict


def get_config():
  config = ml_collections.ConfigDict()
  # Everything random follows from this number, the step and the index of the
  # picture in the stream.
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
  # tfds: a TensorFlow Datasets name; folder: all jpg, png and webp files below
  # a folder; file_list: a text file with one path a line; arrays: an .npz file
  # with uint8 `images` [N, H, W, 3], which needs no TensorFlow; these are only
  # cropped, so `resize` and `antialias` do nothing for them.
  data.source = "tfds"
  # The TFDS name, the folder, the text file or the .npz file; paths may be
  # gs:// URLs, as all paths to pictures may.
  data.path = "places365_small"
  # The pictures for validation, of the same kind as `path`. None: for tfds the
  # split below; otherwise `evaluation.pictures` of them are held out of `path`.
  data.validation_path = config_dict.placeholder(str)
  # TFDS only: split expressions, and where the sets lie (None: TFDS's default).
  data.train_split = "train"
  data.validation_split = "validation"
  data.tfds_dir = config_dict.placeholder(str)
  # (height, width) of the training pictures, multiples of 8.
  data.image_size = (256, 256)
  # Pictures per step over all devices and hosts.
  data.batch_size = 16
  # How a picture is brought to image_size before it is cropped:
  #   enlarge     only enlarged, and only if a side is too small (released)
  #   short_side  scaled until it just covers image_size
  #   stretch     scaled to image_size exactly, aspect ratio not kept
  data.resize = "enlarge"
  # Smooth before scaling down. The released program never does.
  data.antialias = False
  # True: crop anywhere; False: crop the centre.
  data.random_crop = True
  # Mirror every other picture left to right.
  data.flip = False
  # A new order in every epoch; False keeps the order of the list (released).
  data.shuffle = True
  # TFDS only: pictures held in memory to draw from when shuffling.
  data.shuffle_buffer = 4096
  # Guided models only. files: X.jpg has its lines in X_edge.jpg; edges: lines
  # are found in the whole photo. None for a model without guidance.
  data.sketch = config_dict.placeholder(str)
  # What counts as a line, in [0, 1]: for files the pixel value / 255, for edges
  # the gradient as a fraction of the strongest one in the picture.
  data.sketch_threshold = 0.6
  # How often a picture trains without its sketch, in [0, 1].
  data.sketch_drop_probability = 0.0
  return data


def get_mask_config():
  mask = ml_collections.ConfigDict()
  # strokes, boxes, strokes_and_boxes (their union, as released) or files.
  mask.kind = "strokes_and_boxes"
  # For files: a folder of mask pictures, 128 and above is hole. They are
  # resized to image_size by nearest neighbour.
  mask.path = config_dict.placeholder(str)
  # For files: below 128 is hole instead.
  mask.invert = False
  # Mirror masks left to right and upside down, each for every other picture.
  # The released program means to and loses the result.
  mask.flip = True
  # Ranges are inclusive. Lengths are fractions of the picture's scale, which is
  # its diagonal / sqrt(2): 256 for a picture of 256 x 256.
  mask.strokes = ml_collections.ConfigDict()
  mask.strokes.count = (1, 3)
  # Vertices of a stroke after its first.
  mask.strokes.vertices = (4, 11)
  mask.strokes.brush_width = (12 / 256, 39 / 256)
  # Mean of the steps between vertices, which are normal.
  mask.strokes.mean_step = math.sqrt(2) / 8
  # Radians. A stroke zig-zags around the horizontal by about the mean angle.
  mask.strokes.mean_angle = 2 * math.pi / 5
  mask.strokes.angle_range = 2 * math.pi / 15
  # Fractions of the picture's own height and width.
  mask.boxes = ml_collections.ConfigDict()
  mask.boxes.size = (0.5, 0.5)
  # Each side of a box moves inwards by up to this.
  mask.boxes.max_shrink = (1 / 16, 1 / 16)
  return mask


def get_model_config():
  model = ml_collections.ConfigDict()
  # inpaint: coarse and refinement network; completion: that of Global&Local.
  model.generator = "inpaint"
  # gated, partial or vanilla.
  model.conv = "gated"
  # Convolution channels of the first layer, a multiple of 4, half of which a
  # gate lets through; vanilla and partial convolutions have half of them from
  # the start, and completion has all. The other layers scale with it.
  model.width = 48
  # The first draw of the generator's kernels. variance_preserving: each layer
  # hands on the power of its input, so that training begins at once; released:
  # Glorot's, after which hardly anything reaches the last layers. Of no use to
  # completion, which is normalized.
  model.initializer = "variance_preserving"
  # What keeps predictions in [-1, 1]: tanh or clip.
  model.bound = "tanh"
  # patch: SN-PatchGAN; global_and_local_critics: of DeepFill v1; global_local:
  # of Global&Local; none: the losses of the pixels are all there is.
  model.discriminator = "patch"
  # Channels of its first layer; None: 4/3 of `width`.
  model.discriminator_width = config_dict.placeholder(int)
  # Whether a sketch is an input of both networks.
  model.guided = False
  # Precision of the computation: float32 or bfloat16. Parameters, softmax and
  # spectral norm are float32 always.
  model.dtype = "float32"
  # Keep only the inputs of the generator's layers for the backward pass and
  # compute the rest again: less memory, more time.
  model.rematerialize = False
  return model


def get_loss_config():
  loss = ml_collections.ConfigDict()
  # Weights of the mean distance of prediction and picture over all pixels.
  loss.l1_coarse = 1.0
  loss.l1_refined = 1.0
  # l1: |difference|, l2: its square.
  loss.distance = "l1"
  # How much pixels in holes and known ones count in these means.
  loss.hole = 1.0
  loss.known = 1.0
  # Whether each of both is a mean of its own in each picture, hole * (mean over
  # the hole) + known * (mean over the rest), instead of one mean over all.
  loss.separate_means = False
  # How much more known pixels count in the window on the hole: half of each
  # side of the picture, around the middle of the hole.
  loss.window = 0.0
  # In (0, 1]: the weight of a pixel in a hole falls by this factor with each
  # pixel that it is further from the rim.
  loss.discount = 1.0
  # Weight of the generator's adversarial loss.
  loss.adversarial = 1.0
  # Weight of the discriminator's; the paper's is 1, the released program's 1/2.
  loss.discriminator = 0.5
  # hinge, wasserstein or non_saturating.
  loss.gan = "hinge"
  # Weight of the gradient penalty, which wasserstein needs; its paper's is 10.
  # For global_and_local_critics alone.
  loss.gradient_penalty = 0.0
  return loss


def get_optimizer_config():
  optimizer = ml_collections.ConfigDict()
  # adam or adadelta (b1 is not used then, b2 is its rho), for both networks,
  # each with its own counters.
  optimizer.kind = "adam"
  optimizer.generator_learning_rate = 1e-4
  optimizer.discriminator_learning_rate = 1e-4
  optimizer.b1 = 0.5
  optimizer.b2 = 0.999
  optimizer.eps = 1e-8
  # constant, linear or cosine (both fall to 0 at schedule.steps).
  optimizer.decay = "constant"
  # Steps over which the learning rates rise from 0.
  optimizer.warmup_steps = 0
  # Compute a step in so many parts of its batch, one after the other: less
  # memory, the same step, and the generator's forward pass twice. Not with
  # batch normalization (completion, global_local).
  optimizer.accumulation_steps = 1
  # Scale gradients down to this global norm; None: never.
  optimizer.clip_norm = config_dict.placeholder(float)
  # Keep a moving average of the generator, new = a * old + (1 - a) * now, and
  # use it for validation and inference; None: keep none.
  optimizer.average_decay = config_dict.placeholder(float)
  return optimizer


def get_schedule_config():
  schedule = ml_collections.ConfigDict()
  schedule.steps = 1_000_000
  # So many steps at first move the generator alone, without the
  # discriminator's opinion; so many after them the discriminator alone.
  schedule.completion_steps = 0
  schedule.discriminator_steps = 0
  # Of the rest, how often the generator moves; the discriminator does always.
  schedule.generator_every_steps = 1
  schedule.log_every_steps = 100
  schedule.evaluate_every_steps = 2000
  schedule.checkpoint_every_steps = 4000
  # The newest so many checkpoints stay on the disk.
  schedule.keep_checkpoints = 5
  # A step whose losses or gradients are not finite is skipped. After so many in
  # a row the run goes back to its newest checkpoint before them, with other
  # pictures; if that fails before it could save again, it stops.
  schedule.skipped_steps_to_go_back = 10
  # Write profiles for TensorBoard, at step 10 and then once an hour.
  schedule.profile = False
  return schedule


def get_evaluation_config():
  evaluation = ml_collections.ConfigDict()
  # How many validation pictures are scored, and how many of them are drawn.
  evaluation.pictures = 64
  evaluation.strips = 8
  # Pictures per batch over all devices.
  evaluation.batch_size = 16
  # Crops and holes of the validation pictures follow from this number alone.
  evaluation.seed = 2018
  return evaluation
