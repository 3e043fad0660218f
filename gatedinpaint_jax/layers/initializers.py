"""Initializers of convolution kernels.

`config.model.initializer` names one of `KINDS`. All biases start at 0.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from gatedinpaint_jax.layers import activations

# (activation, whether gated) -> s of `variance_preserving`.
SCALES = {
  # ELU keeps a little more than half of the power, the gate 0.29 of it.
  (activations.elu, True): 6.23,
  (activations.elu, False): 1.63,
  # ReLU (pmconv6) removes the negative half: He et al. 2015.
  (nn.relu, True): 6.82,
  (nn.relu, False): 2.0,
  # The bound of the output layers, tanh or clip, reduces unit power to 0.4 or
  # 0.5, about that of photographs in [-1, 1], and does not saturate.
  (None, False): 1.0,
}


def variance_preserving(activation: Callable | None, *, gated: bool):
  """Returns an initializer that preserves the power of activations.

  Power is the mean square, E[x^2]. A kernel with zero mean and variance
  s / fan_in multiplies it by s, even if the inputs are correlated. For inputs
  of unit power, the feature is normal with power s and the gate, whose kernel
  has s = 1, is standard normal; they are independent. The output of the layer
  has unit power if

    E[activation(sqrt(s) z)^2] E[sigmoid(z)^2] = 1,  z standard normal.

  Without a gate the second factor is 1. `SCALES` are the solutions s. Those of
  partial convolutions are as without a mask: if k of n places are valid, the
  sum has k / n of the power and is weighted by n / k, which makes n / k; that
  exceeds 1 only at the rim of a hole.

  From layer to layer, power below 1 rises and power above 1 falls, because ELU
  and sigmoid saturate. Zero padding lowers it where dilated kernels reach
  beyond the border. Kernels are truncated normal, like `lecun_normal`.

  The discriminator does not need this: spectral normalization cancels the scale
  of a kernel.

  The second half of the channels of a gated layer are the gate.
  """
  feature = nn.initializers.variance_scaling(
    SCALES[activation, gated], "fan_in", "truncated_normal"
  )
  if not gated:
    return feature
  gate = nn.initializers.lecun_normal()  # s = 1

  def both(key, shape, *dtype):
    *window, features = shape
    half = (*window, features // 2)
    keys = jax.random.split(key)
    parts = [feature(keys[0], half, *dtype), gate(keys[1], half, *dtype)]
    return jnp.concatenate(parts, axis=-1)

  return both


def released(activation: Callable | None, *, gated: bool):
  """Returns the released program's: Glorot, counting all output channels.

  A gated layer then keeps a tenth of its input's power: the channels of the
  gate count as outputs, ELU halves the power and the gate quarters it.
  """
  return nn.initializers.glorot_uniform()


KINDS = {"variance_preserving": variance_preserving, "released": released}
