"""Discriminators with a global view and a local view around the hole.

Both have the interface of `PatchDiscriminator`, but their input is the picture
alone, without mask or sketch, and they use no spectral normalization.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from gatedinpaint_jax.baselines import batch_norm, hole_window
from gatedinpaint_jax.layers import conv
from gatedinpaint_jax.networks import patch_discriminator


class _TwoViews(nn.Module):
  """Common fields, and a common layer.

  `__call__` takes real or completed pictures and the holes of the latter, as in
  `batch.py`. `sketch` and `update_stats` are ignored.
  """

  width: int = 64  # channels of the first layers
  dtype: Any = jnp.float32  # of the convolutions, not of parameters and scores
  convolve: Callable = conv.convolve

  def _strided(self, multiple, name):
    return patch_discriminator.strided_conv(
      multiple * self.width,
      dtype=self.dtype,
      convolve=self.convolve,
      name=name,
    )


class GlobalAndLocalCritics(_TwoViews):
  """The two critics of DeepFill v1, with separate scores. Its width is 64.

  Source: Yu et al. 2018, section 3.2 and appendix.
  """

  @nn.compact
  def __call__(self, image, mask, sketch=None, *, update_stats=False):
    """Returns `[B, 2] float32`: global score, local score."""
    views = (
      ("global", image, (1, 2, 4, 4)),
      ("local", hole_window.cut(image, mask), (1, 2, 4, 8)),
    )
    scores = []
    for name, x, multiples in views:
      for index, multiple in enumerate(multiples, start=1):
        x = nn.leaky_relu(self._strided(multiple, f"{name}{index}")(x), 0.2)
      x = x.reshape(x.shape[0], -1).astype(jnp.float32)
      scores.append(nn.Dense(1, name=f"{name}_score")(x))
    return jnp.concatenate(scores, axis=1)


class GlobalLocalDiscriminator(_TwoViews):
  """The discriminator of Global&Local: two views, one score.

  Its batch normalization uses the statistics of the input, so that real and
  completed pictures must be scored in separate calls. Width 64 in the paper;
  each view ends in 16 times as many features.

  Source: Iizuka et al. 2017, section 3.3 and table 2.
  """

  @nn.compact
  def __call__(self, image, mask, sketch=None, *, update_stats=False):
    """Returns `[B, 1] float32`, logits of pictures being real."""
    views = (
      ("global", image, (1, 2, 4, 8, 8, 8)),
      ("local", hole_window.cut(image, mask), (1, 2, 4, 8, 8)),
    )
    features = []
    for name, x, multiples in views:
      for index, multiple in enumerate(multiples, start=1):
        x = self._strided(multiple, f"{name}{index}")(x)
        x = nn.relu(batch_norm.BatchOnlyNorm(name=f"{name}{index}_norm")(x))
      x = x.reshape(x.shape[0], -1).astype(jnp.float32)
      x = nn.Dense(16 * self.width, name=f"{name}_features")(x)
      features.append(nn.relu(x))
    return nn.Dense(1, name="score")(jnp.concatenate(features, axis=1))
