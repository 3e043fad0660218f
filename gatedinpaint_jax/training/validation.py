"""Scores a generator on pictures that stay the same for the entire run."""

import functools
import itertools
from collections.abc import Iterable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax import visualize
from gatedinpaint_jax.metrics import image_quality
from gatedinpaint_jax.training import devices, hosts


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
    values: values_lib.Values = values_lib.PHOTOGRAPHS,
    shown_channels: Sequence[int] = (),
  ):
    """Keeps the batches in memory; compiles at the first call.

    The batches are global, in NumPy, the same on every host; all have
    `batch_size` pictures but the last, which may have fewer. The first `strips`
    pictures are drawn, with `shown_channels` as in `visualize.fit_scale`.
    """
    self._batches = list(batches)
    self._mesh = mesh
    # All batches are padded to the same size, a multiple of the devices.
    largest = min(batch_size, self.pictures)
    self._padded_size = largest + -largest % mesh.size
    self._strips = strips
    self._values, self._shown_channels = values, shown_channels
    # The module is static, so that the next run of an equal one traces nothing.
    complete = jax.jit(
      _complete, static_argnums=0, out_shardings=devices.replicated(mesh)
    )
    self._complete = None
    self._lower = functools.partial(complete.lower, generator)

  @property
  def pictures(self) -> int:
    """Number of pictures that are scored."""
    return sum(len(batch.image) for batch in self._batches)

  def __call__(self, params) -> tuple[dict[str, float], np.ndarray]:
    """Completes and scores all pictures with these generator parameters.

    Returns:
      The means of `score` over all pictures, with `gate/NETWORK.LAYER`, the
      mean gate of each layer; and the strip `[H', W', 3] uint8`.
    """
    scores, drawn = [], []
    for batch in self._batches:
      padded = _repeat_last(batch, self._padded_size)
      padded = devices.put_global_batch(padded, self._mesh)
      if self._complete is None:
        self._complete = self._lower(params, padded).compile()
        hosts.wait_for_all("validation compiled")
      output, completed, score = jax.device_get(self._complete(params, padded))
      count = len(batch.image)
      scores.append({name: values[:count] for name, values in score.items()})
      wanted = min(self._strips - sum(map(len, drawn)), count)
      if wanted > 0:
        shown = jax.tree.map(
          lambda x, count=wanted: x[:count], (batch, output, completed)
        )
        drawn.append(visualize.draw_panels(*shown, self._scale))
    strip = visualize.strip(np.concatenate(drawn), self._scale.text)
    return _means(scores), strip

  @functools.cached_property
  def _scale(self) -> visualize.Scale:
    """The scale of all strips of the run, that of the pictures drawn."""
    images = itertools.chain.from_iterable(
      visualize.to_units(batch.image, self._values, batch.unknown)
      for batch in self._batches
    )
    return visualize.fit_scale(
      itertools.islice(images, self._strips),
      self._values,
      self._shown_channels,
    )

  def score_mean_fill(self) -> float:
    """Returns `hole_l1` of filling with the mean colour of the known pixels."""
    return _means([score(_mean_fill(b), b) for b in self._batches])["hole_l1"]


def score(completed, batch) -> dict[str, jax.Array]:
  """Returns scores of completed pictures by name, each `[B]`.

  l1, l2 and psnr cover all pixels, the known ones included; scores with hole in
  their name cover only the hole. Pixels that are unknown do not count, and the
  scores of a picture with no other ones in its hole are infinite. See
  `metrics.image_quality` for units.
  """
  hole = batch_lib.scored(batch)
  everywhere = None if batch.unknown is None else 1 - batch.unknown
  scores = {
    "l1": image_quality.l1(completed, batch.image, mask=everywhere),
    "l2": image_quality.l2(completed, batch.image, mask=everywhere),
    "psnr": image_quality.psnr(completed, batch.image, mask=everywhere),
    "hole_l1": image_quality.l1(completed, batch.image, mask=hole),
    **{
      f"{prefix}hole_{measure.__name__}": measure(image, mask=hole)
      for measure in (image_quality.chroma, image_quality.contrast)
      for prefix, image in (("", completed), ("original_", batch.image))
    },
  }
  if batch.unknown is None:
    return scores
  is_scored = jnp.any(hole > 0, axis=(1, 2, 3))
  return {k: jnp.where(is_scored, x, jnp.inf) for k, x in scores.items()}


def _complete(generator, params, batch):
  """Returns the generator's output, the completed pictures, their scores."""
  output, collections = generator.apply(
    {"params": params},
    batch_lib.erase(batch.image, batch.mask),
    batch.mask,
    batch.sketch,
    mutable=["intermediates"],
  )
  completed = batch_lib.complete(output.refined, batch)
  intermediates = collections.get("intermediates", {})
  gates = {
    f"gate/{'.'.join(layer)}": jnp.mean(gate, axis=(1, 2, 3), dtype="float32")
    for (*layer, name), (gate,) in traverse_util.flatten_dict(
      intermediates
    ).items()
    if name == "gate"
  }
  return output, completed, score(completed, batch) | gates


def _mean_fill(batch):
  """Fills each hole with the mean colour of the known pixels."""
  known = 1 - batch.mask
  count = jnp.maximum(jnp.sum(known, axis=(1, 2), keepdims=True), 1)
  total = jnp.sum(batch.image * known, axis=(1, 2), keepdims=True)
  return batch_lib.composite(total / count, batch.image, batch.mask)


def _repeat_last(batch, size):
  """Pads a batch with its last picture, so that all batches share a program."""
  rows = np.minimum(np.arange(size), len(batch.image) - 1)
  return jax.tree.map(lambda x: x[rows], batch)


def _means(scores) -> dict[str, float]:
  """Averages over all pictures, without the infinite scores of some.

  Those are the PSNR of perfect ones, and all of pictures that have none.
  """
  means = {}
  for name in scores[0]:
    values = np.concatenate([s[name] for s in scores])
    finite = values[values != np.inf]
    means[name] = float(np.mean(finite)) if len(finite) else np.inf
  return means
