"""LPIPS, the distance of pictures in the features of a classifier.

Computed by jaxlpips, with AlexNet and the linear weights of version 0.1 as in
papers. Both are downloaded from the Hugging Face hub on first use and cached in
HF_HOME.

Source: Zhang et al. 2018.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors

# Smaller pictures vanish before the network's last layers.
MIN_SIDE = 32


def load() -> Callable[[np.ndarray, np.ndarray], float]:
  """Returns the distance as a function of two pictures `[H, W, 3] uint8`."""
  errors.check_installed("jaxlpips", extra="lpips")
  import huggingface_hub
  import jaxlpips

  # It warns about every retry.
  huggingface_hub.utils.logging.set_verbosity_error()
  try:
    network = jaxlpips.LPIPS("alexnet")
  except Exception as error:  # of the hub, its HTTP library or safetensors
    raise errors.UserError(
      f"LPIPS: no weights ({errors.first_words(error)}); download "
      "tux-type/jaxlpips from the Hugging Face hub where there is a network,"
      " and set HF_HOME to the folder that keeps it"
    ) from error

  def distance(*images):
    batches = (
      jnp.asarray(batch_lib.from_uint8(image[None].astype(np.float32)))
      for image in images
    )
    return float(np.squeeze(network(*batches)))

  return distance
