"""Decodes, scales and crops photographs, in TensorFlow.

Pixels of photographs stay uint8, `[H, W, C]`, until they are batched: a quarter
of the memory to move. Other values are float32.
"""

import functools
import io

import numpy as np
import tensorflow as tf

from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.data import (
  hole_files,
  photo_files,
  picture_format,
  recipe,
  tensorflow_draws,
)

# 1.6 GB in float32, the type in which pictures are scaled.
_MOST_PIXELS = 1 << 27


def decode(
  encoded: tf.Tensor, values: values_lib.Values = values_lib.PHOTOGRAPHS
) -> tf.Tensor:
  """Returns the pixels `[H, W, C]` of the bytes of a file.

  Upright, with the model's channels (`values.select`), the first of several
  frames: for photographs uint8, `photo_files.decode(...).levels`, else float32,
  normalized. RGB JPEGs as data sets have them are decoded by TensorFlow, which
  is quicker.

  Raises:
    tf.errors.OpError: when run, if it is damaged or not a picture; outside of a
      graph it may be a UserError.
  """
  channels = values.channels

  def read_levels():
    return _read(
      lambda data: photo_files.decode(data).levels(channels), encoded
    )

  if not values.are_levels:
    pixels = _read(
      lambda data: photo_files.decode(data).normalized(values),
      encoded,
      tf.float32,
    )
  elif channels == 3:
    pixels = tf.cond(
      _is_plain_jpeg(encoded),
      lambda: tf.io.decode_jpeg(
        encoded, channels=3, dct_method="INTEGER_ACCURATE"
      ),
      read_levels,
    )
  else:
    pixels = read_levels()
  return tf.ensure_shape(pixels, [None, None, channels])


def decode_sketch(encoded: tf.Tensor) -> tf.Tensor:
  """Returns the strength of lines, `[H, W, 1] uint8`, of the bytes of a file.

  See `hole_files.decode_sketch`.
  """
  strength = _read(hole_files.decode_sketch, encoded)
  return tf.ensure_shape(strength, [None, None])[..., None]


def decode_mask(
  encoded: tf.Tensor, height: int, width: int, *, invert: bool
) -> tf.Tensor:
  """Returns a hole `[height, width] bool`; see `hole_files.decode_mask`."""
  read = functools.partial(
    hole_files.decode_mask, size=(height, width), invert=invert
  )
  hole = _read(read, encoded, tf.bool)
  return tf.ensure_shape(hole, [height, width])


def _read(function, encoded, dtype=tf.uint8) -> tf.Tensor:
  """Runs a reader of an `io.BytesIO` in Python."""

  def read(data):
    # Outside of a graph, it is an array.
    data = data if isinstance(data, bytes) else data.item()
    return np.ascontiguousarray(function(io.BytesIO(data)))

  return tf.numpy_function(read, [encoded], dtype, stateful=False)


def _is_plain_jpeg(encoded) -> tf.Tensor:
  """Whether a file is a JPEG without metadata, grey or in colour.

  That is, tables follow immediately after the beginning or the JFIF header, and
  no Exif data, which may turn a picture, after these.
  """
  start, jfif, tables = b"\xff\xd8", b"\xff\xe0\0\x10JFIF\0", b"\xff\xdb"
  at = lambda position, text: tf.equal(
    tf.strings.substr(encoded, position, len(text)), text
  )

  def is_plain():
    has_tables = at(2, tables) | (at(2, jfif) & at(20, tables))
    # The headers of such a file have some hundred bytes. \C is any byte.
    has_exif = tf.strings.regex_full_match(
      tf.strings.substr(encoded, 0, 4096), r"\C*Exif\x00\x00\C*"
    )
    return (
      at(0, start) & has_tables & at(-2, picture_format.JPEG_END) & ~has_exif
    )

  no = lambda: tf.constant(False)
  is_jpeg = tf.cond(tf.strings.length(encoded) > 22, is_plain, no)
  return tf.cond(is_jpeg, lambda: _is_small_rgb(encoded), no)


def _is_small_rgb(jpeg) -> tf.Tensor:
  shape = tf.io.extract_jpeg_shape(jpeg, output_type=tf.int64)
  is_small = shape[0] * shape[1] <= picture_format.MAX_PIXELS
  return is_small & (shape[2] < 4)


def scale(pixels: tf.Tensor, framing: recipe.Framing) -> tf.Tensor:
  """Scales a picture as `framing.resize` says; never below `framing.size`.

  uint8 is rounded, and NaN spreads to what is mixed with it. Without antialias
  the scaling is the bilinear one of OpenCV (INTER_LINEAR). A paired sketch goes
  in as a further channel.
  """
  shape = tf.shape(pixels)[:2]
  size = _scaled_size(shape, framing)

  def resize():
    scaled = tf.image.resize(
      pixels, size, method="bilinear", antialias=framing.antialias
    )
    if pixels.dtype == tf.uint8:
      scaled = tf.saturate_cast(tf.round(scaled), tf.uint8)
    return scaled

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
