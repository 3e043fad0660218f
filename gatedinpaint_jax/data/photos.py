"""Decodes, scales and crops photographs, in TensorFlow.

Pixels stay uint8, `[H, W, C]`, until they are batched: a quarter of the memory
to move.
"""

import tensorflow as tf

from gatedinpaint_jax.data import recipe, tensorflow_draws

# 1.6 GB in float32, the type in which pictures are scaled.
_MOST_PIXELS = 1 << 27


def decode(encoded: tf.Tensor) -> tf.Tensor:
  """Returns the `[H, W, 3] uint8` RGB pixels of a JPEG, PNG or WebP file.

  Grey becomes three equal channels, palettes are looked up, transparency is
  dropped, and of an animation the first frame is taken. The orientation in a
  photo's Exif data is not applied.

  Raises:
    tf.errors.InvalidArgumentError: when run, for other and for truncated files.
  """
  pixels = tf.io.decode_image(encoded, channels=3, expand_animations=False)
  return tf.ensure_shape(pixels, [None, None, 3])


def scale(pixels: tf.Tensor, framing: recipe.Framing) -> tf.Tensor:
  """Scales a picture as `framing.resize` says; never below `framing.size`.

  Values are rounded to integers. Without antialias the scaling is the bilinear
  one of OpenCV (INTER_LINEAR). A paired sketch goes in as a further channel.
  """
  shape = tf.shape(pixels)[:2]
  size = _scaled_size(shape, framing)

  def resize():
    scaled = tf.image.resize(
      pixels, size, method="bilinear", antialias=framing.antialias
    )
    return tf.saturate_cast(tf.round(scaled), tf.uint8)

  return tf.cond(tf.reduce_all(size == shape), lambda: pixels, resize)


def check_scales(pixels: tf.Tensor, framing: recipe.Framing) -> tf.Operation:
  """Rejects a picture so long and thin that scaling it exhausts the memory.

  Raises:
    tf.errors.InvalidArgumentError: when run, if it would have 2^27 pixels.
  """
  size = _scaled_size(tf.shape(pixels)[:2], framing)
  pixels_after = tf.reduce_prod(tf.cast(size, tf.int64))
  return tf.debugging.assert_less(
    pixels_after, tf.constant(_MOST_PIXELS, tf.int64)
  )


def crop(
  pixels: tf.Tensor, seed: tf.Tensor, framing: recipe.Framing
) -> tf.Tensor:
  """Returns a crop of a scaled picture, perhaps mirrored, of `framing.size`."""
  uniform = tensorflow_draws.uniform([3], seed)
  room = tf.shape(pixels)[:2] - tf.constant(framing.size)
  corner = framing.draw_corner(tensorflow_draws.Draws(uniform[:2]), room)
  flip = framing.draw_flip(tensorflow_draws.Draws(uniform[2]))
  begin = tf.pad(tf.cast(corner, tf.int32), [[0, 1]])
  pixels = tf.slice(pixels, begin, [*framing.size, pixels.shape[-1]])
  if framing.flip:
    axes = tf.stack([False, flip, False])
    pixels = tf.raw_ops.Reverse(tensor=pixels, dims=axes)
  return tf.ensure_shape(pixels, [*framing.size, pixels.shape[-1]])


def _scaled_size(shape, framing):
  """Returns the [2] int32 size to scale to, by integer arithmetic."""
  wanted = tf.constant(framing.size)
  if framing.resize == "stretch":
    return wanted
  # ceil(h W / w) and ceil(w H / h): each side scaled by the other's ratio. The
  # larger of it and the wanted side covers, with one of the two sides exact.
  other = -(-shape * wanted[::-1] // shape[::-1])
  covering = tf.maximum(wanted, other)
  if framing.resize == "short_side":
    return covering
  return tf.where(tf.reduce_any(shape < wanted), covering, shape)
