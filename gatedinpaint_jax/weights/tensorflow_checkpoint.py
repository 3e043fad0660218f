"""Reads the arrays of a TensorFlow checkpoint; imports TensorFlow."""

import numpy as np
import tensorflow as tf

from gatedinpaint_jax import errors


def read(prefix) -> dict[str, np.ndarray]:
  """Returns every array of a checkpoint by its name.

  Args:
    prefix: path of the checkpoint's files without their suffixes.

  Raises:
    UserError: if a file is damaged or missing.
  """
  try:
    reader = tf.train.load_checkpoint(str(prefix))
    names = reader.get_variable_to_shape_map()
    return {name: np.asarray(reader.get_tensor(name)) for name in names}
  # Its Python wrapper turns a file that is too short into an IndexError, and
  # what else is wrong with one into any of the others.
  except (tf.errors.OpError, IndexError, RuntimeError, ValueError) as error:
    raise errors.UserError(
      f"TensorFlow cannot read {prefix} "
      f"({errors.first_words(error)}); {prefix.name}.index and all its .data "
      "files belong together"
    ) from error
