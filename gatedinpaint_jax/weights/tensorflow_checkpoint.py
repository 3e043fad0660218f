"""Reads the arrays of a TensorFlow checkpoint with TensorFlow."""

import numpy as np
import tensorflow as tf

from gatedinpaint_jax import errors


def read(prefix) -> dict[str, np.ndarray]:
  """Returns {name: array} of the checkpoint in the files `prefix.*`."""
  try:
    reader = tf.train.load_checkpoint(str(prefix))
    names = reader.get_variable_to_shape_map()
    return {name: np.asarray(reader.get_tensor(name)) for name in names}
  # The errors that TensorFlow's Python wrapper raises for damaged files; an
  # IndexError if a file is too short.
  except (tf.errors.OpError, IndexError, RuntimeError, ValueError) as error:
    raise errors.UserError(
      f"TensorFlow cannot read {prefix} "
      f"({errors.first_words(error)}); {prefix.name}.index needs all of its "
      ".data files"
    ) from error
