"""Scores a generator on pictures that stay the same over the whole run."""

import functools
from collections.abc import Iterable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import visualize
from gatedinpaint_jax.metrics import image_quality
from gatedinpaint_jax.training import devices


class Result(NamedTuple):
  """What one validation gives.

  Attributes:
    scores: means over all pictures by name: those of `score`, and
      `gate/NETWORK.LAYER`, how far the gates of a layer are open.
    strip: `[H', W', 3] uint8`, drawn by `visualize.strip`.
  """

  scores: dict[str, float]
  strip: np.ndarray


class Validation:
  """Completes and scores a fixed list of batches."""

  def __init__(
    self,
    generator,
    batches: Iterable[batch_lib.Batch],
    mesh,
    *,
    batch_size: int,
    strips: int,
  ):
    """Keeps the batches in memory and compiles at the first call.

    Args:
      generator: the module.
      batches: whole batches in NumPy, the same on every host; only the last
        may be smaller than the others.
      mesh: of `devices.make_mesh`.
      batch_size: of all batches but the last.
      strips: how many of the first pictures are drawn.
    """
    self._batches = list(batches)
    self._mesh = mesh
    # All batches are padded to one size, which the devices divide.
    self._padded_size = batch_size + -batch_size % mesh.size
    self._strips = strips
    # The module is static, so that the next run of an equal one traces nothing.
    complete = jax.jit(
      _complete, static_argnums=0, out_shardings=devices.replicated(mesh)
    )
    self._complete = functools.partial(complete, generator)

  @property
  def pictures(self) -> int:
    """How many pictures are scored."""
    return sum(len(batch.image) for batch in self._batches)

  def __call__(self, params) -> Result:
    """Completes all pictures with these parameters of the generator."""
    scores, drawn = [], []
    for batch in self._batches:
      padded = _repeat_last(batch, self._padded_size)
      output, completed, score = jax.device_get(
        self._complete(params, devices.put_whole_batch(padded, self._mesh))
      )
      count = len(batch.image)
      scores.append({name: values[:count] for name, values in score.items()})
      wanted = min(self._strips - sum(map(len, drawn)), count)
      if wanted > 0:
        shown = _first(wanted, (batch, output, completed))
        drawn.append(visualize.draw_panels(*shown))
    return Result(_means(scores), visualize.strip(np.concatenate(drawn)))

  def score_mean_fill(self) -> float:
    """Returns `hole_l1` of holes filled with the mean of the known pixels."""
    scores = [
      {"hole_l1": image_quality.l1(_mean_fill(b), b.image, mask=b.mask)}
      for b in self._batches
    ]
    return _means(scores)["hole_l1"]


def score(completed, batch) -> dict[str, jax.Array]:
  """Scores completed pictures, one number for each in `[B]`.

  l1, l2 and psnr are over the whole picture, known pixels included; what begins
  with hole is over the hole alone. See `metrics.image_quality` for units.
  """
  return {
    "l1": image_quality.l1(completed, batch.image),
    "l2": image_quality.l2(completed, batch.image),
    "psnr": image_quality.psnr(completed, batch.image),
    "hole_l1": image_quality.l1(completed, batch.image, mask=batch.mask),
    **{
      f"{prefix}hole_{measure.__name__}": measure(image, mask=batch.mask)
      for measure in (image_quality.chroma, image_quality.contrast)
      for prefix, image in (("", completed), ("original_", batch.image))
    },
  }


def _complete(generator, params, batch):
  """Returns the generator's output, the completed pictures, their scores.

  Among the scores is `gate/NETWORK.LAYER`, how far the gates of each are open.
  """
  incomplete = batch_lib.erase(batch.image, batch.mask)
  output, kept = generator.apply(
    {"params": params},
    incomplete,
    batch.mask,
    batch.sketch,
    mutable=["intermediates"],
  )
  completed = batch_lib.composite(output.refined, batch.image, batch.mask)
  kept = traverse_util.flatten_dict(kept.get("intermediates", {}))
  gates = {
    f"gate/{'.'.join(layer)}": jnp.mean(gate, axis=(1, 2, 3), dtype="float32")
    for (*layer, name), (gate,) in kept.items()
    if name == "gate"
  }
  return output, completed, score(completed, batch) | gates


def _mean_fill(batch):
  """Fills each hole with the mean colour of the picture around it."""
  known = 1 - batch.mask
  count = jnp.maximum(jnp.sum(known, axis=(1, 2), keepdims=True), 1)
  total = jnp.sum(batch.image * known, axis=(1, 2), keepdims=True)
  return batch_lib.composite(total / count, batch.image, batch.mask)


def _first(count, tree):
  """Returns the first `count` pictures of everything in `tree`."""
  return jax.tree.map(lambda x: x[:count], tree)


def _repeat_last(batch, size):
  """Repeats the last picture so that all batches compile to one program."""
  missing = size - len(batch.image)
  return jax.tree.map(
    lambda x: np.concatenate([x, np.repeat(x[-1:], missing, axis=0)]), batch
  )


def _means(scores) -> dict[str, float]:
  """Averages over all pictures.

  A picture without any error has an infinite psnr, which is left out.
  """
  means = {}
  for name in scores[0]:
    values = np.concatenate([s[name] for s in scores])
    finite = values[values != np.inf]
    means[name] = float(np.mean(finite)) if len(finite) else np.inf
  return means
