"""The first draw of a convolution's kernel.

`config.model.initializer` names one of `KINDS`. Biases begin at 0 in all.
"""

import functools
from collections.abc import Callable

import jax
import numpy as np
import scipy.optimize
from flax import linen as nn

# A standard normal variable, on a grid with its density.
_Z = np.linspace(-8, 8, 4001)
_DENSITY = np.exp(-(_Z**2) / 2) / np.exp(-(_Z**2) / 2).sum()


def variance_preserving(activation: Callable | None, *, gated: bool):
  """Draws kernels with which unit power in gives unit power out.

  Power is the mean square, m = E[x^2]. Of a kernel with zero mean and variance
  g / fan_in, the convolution has power g m, whatever the correlation of its
  inputs. So the feature of a layer is normal with power g and its gate, drawn
  with g = 1, is standard normal; both are independent. What is left of them,

    E[activation(sqrt(g) z)^2] E[sigmoid(z)^2] = 1,  z standard normal,

  determines g: `gain` solves it. Without a gate the second factor is 1.

  - gated ELU: 6.2. ELU leaves half of the power and a little, the gate 0.29.
  - gated ReLU (pmconv6): 6.8, for the negative half is gone.
  - ELU alone: 1.6; ReLU alone: 2, as of He et al. 2015.
  - no activation, the layer of the colours: 1. The bound, tanh or clip, then
    makes 0.4 or 0.5 of unit power, about what photographs have in [-1, 1], and
    lets gradients through.
  - partial convolution: as without a mask. Where k of n places are valid the
    sum has k / n of the power and the weight n / k squared: n / k altogether,
    above 1 at the rim of a hole alone.

  Zeros around the picture lower the power where a dilated kernel reaches beyond
  it. Kernels are truncated normal, as `lecun_normal`.

  Args:
    activation: of the layer, None for none.
    gated: whether the second half of the output channels is a gate.
  """
  draw = functools.partial(
    nn.initializers.variance_scaling,
    mode="fan_in",
    distribution="truncated_normal",
  )
  feature = draw(gain(activation, gated=gated))
  if not gated:
    return feature
  gate = draw(1.0)

  def both(key, shape, *dtype):
    *window, features = shape
    half = (*window, features // 2)
    keys = jax.random.split(key)
    parts = [feature(keys[0], half, *dtype), gate(keys[1], half, *dtype)]
    return jax.numpy.concatenate(parts, axis=-1)

  return both


def released(activation: Callable | None, *, gated: bool):
  """Draws as the released program: Glorot-uniform over all output channels.

  A gated layer then keeps a tenth of the power of its input: the gate's
  channels count as outputs, ELU halves and the gate quarters.
  """
  del activation, gated
  return nn.initializers.glorot_uniform()


KINDS = {"variance_preserving": variance_preserving, "released": released}


@functools.cache
def gain(activation: Callable | None, *, gated: bool) -> float:
  """Returns the g of `variance_preserving`, to three digits."""
  gate = _power(jax.nn.sigmoid, 1.0) if gated else 1.0
  excess = lambda g: gate * _power(activation, g**0.5) - 1
  # Rounded, so that every machine draws the same.
  return round(scipy.optimize.brentq(excess, 0.1, 100), 2)


def _power(function, scale) -> float:
  """Returns E[function(scale * z)^2] of a standard normal z."""
  x = np.float32(scale * _Z)
  if function is not None:
    # Networks are drawn under `jit`, where this is a number all the same.
    with jax.ensure_compile_time_eval():
      x = np.asarray(function(x))
  return float(np.sum(_DENSITY * np.square(x, dtype=np.float64)))
