"""The first draw of a convolution's kernel.

`config.model.initializer` names one of `KINDS`. Biases begin at 0 in all.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from gatedinpaint_jax.layers import activations

# (activation, whether gated) -> s of `variance_preserving`.
SCALES = {
  (activations.elu, True): 6.23,
  (activations.elu, False): 1.63,
  (nn.relu, True): 6.82,
  (nn.relu, False): 2.0,
  (None, False): 1.0,
}


def variance_preserving(activation: Callable | None, *, gated: bool):
  """Returns an initializer with which unit power in gives unit power out.

  Power is the mean square, E[x^2]. A kernel of zero mean and variance
  s / fan_in makes s times the power of its input, however the inputs
  correlate. So of unit power the feature is normal with power s, and the gate,
  whose kernel is drawn with s = 1, is standard normal; both are independent.
  The layer's output has unit power if

    E[activation(sqrt(s) z)^2] E[sigmoid(z)^2] = 1,  z standard normal.

  Without a gate the second factor is 1. Solved for s, `SCALES`:

  - gated ELU, 6.2: ELU leaves a little more than half of the power, the gate
    0.29.
  - gated ReLU (pmconv6), 6.8: nothing is left of the negative half.
  - ELU alone, 1.6; ReLU alone, 2 (He et al. 2015).
  - no activation, the layer of the colours, 1: the bound, tanh or clip, then
    makes 0.4 or 0.5 of unit power, about what photographs have in [-1, 1], and
    lets gradients through.
  - partial convolution: as without a mask. Where k of n places are valid the
    sum has k / n of the power and the squared weight is (n / k)^2: n / k
    altogether, above 1 at the rim of a hole alone.

  Power below 1 grows from layer to layer and above 1 falls, because ELU and
  sigmoid saturate. Zeros around the picture lower it where a dilated kernel
  reaches beyond the border. Kernels are truncated normal, as `lecun_normal`.

  The discriminator needs none of this: spectral normalization divides the scale
  of a kernel out.

  Args:
    activation: of the layer, None for none.
    gated: whether the second half of the output channels is a gate.

  Raises:
    KeyError: if the activation has no scale in `SCALES`.
  """
  draw = functools.partial(
    nn.initializers.variance_scaling,
    mode="fan_in",
    distribution="truncated_normal",
  )
  feature = draw(SCALES[activation, gated])
  if not gated:
    return feature
  gate = draw(1.0)

  def both(key, shape, *dtype):
    *window, features = shape
    half = (*window, features // 2)
    keys = jax.random.split(key)
    parts = [feature(keys[0], half, *dtype), gate(keys[1], half, *dtype)]
    return jnp.concatenate(parts, axis=-1)

  return both


def released(activation: Callable | None, *, gated: bool):
  """Returns that of the released program: Glorot, over all output channels.

  A gated layer then keeps a tenth of the power of its input: the gate's
  channels count as outputs, ELU halves and the gate quarters.
  """
  del activation, gated
  return nn.initializers.glorot_uniform()


KINDS = {"variance_preserving": variance_preserving, "released": released}
