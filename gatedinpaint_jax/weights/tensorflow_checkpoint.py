"""Reads the arrays of a TensorFlow checkpoint with TensorFlow."""

import glob
import math

import numpy as np
import tensorflow as tf

from gatedinpaint_jax import errors, files


def read(prefix) -> dict[str, np.ndarray]:
  """Returns {name: array} of the checkpoint in the files `prefix.*`."""
  try:
    parts = prefix.parent.glob(f"{glob.escape(prefix.name)}.*")
    size = sum(map(files.check_regular, parts))
    reader = tf.train.load_checkpoint(str(prefix))
    shapes = reader.get_variable_to_shape_map()
    types = reader.get_variable_to_dtype_map()
    claimed = sum(
      math.prod(shape) * types[name].size for name, shape in shapes.items()
    )
    if claimed > size:
      raise ValueError(f"it claims {claimed} bytes, but has {size}")
    return {name: np.asarray(reader.get_tensor(name)) for name in shapes}
  # The errors that TensorFlow's Python wrapper raises for damaged files; an
  # IndexError if a file is too short.
  except (
    tf.errors.OpError,
    IndexError,
    OSError,
    RuntimeError,
    ValueError,
  ) as error:
    raise errors.UserError(
      f"TensorFlow cannot read {prefix} "
      f"({errors.first_words(error)}); {prefix.name}.index needs all of its "
      ".data files"
    ) from error
