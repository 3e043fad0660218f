"""What stands where data is missing changes nothing that is learned."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import objectives
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.baselines import critics, losses
from gatedinpaint_jax.baselines import objectives as baseline_objectives
from gatedinpaint_jax.networks import inpaint_generator, patch_discriminator
from tests import pictures

CHANNELS = 4
# (rows, columns) where values are missing: beside, in and across the holes.
PLACES = np.s_[3:9, 8:16]


def soft(count=4):
  """Returns pictures `[count, 16, 24, CHANNELS]` in [0, 1]."""
  levels = [pictures.noise(16, 24, seed) for seed in range(count)]
  return np.stack(levels)[..., np.arange(CHANNELS) % 3] / np.float32(255)


# Two ways to say that the same places are missing, by type.
WAYS = {
  "nan": (np.float32, None, [np.nan] * 4, [np.nan, 0.2, 1e9, -np.inf]),
  "one of the channels": (
    np.float32,
    None,
    [np.nan, 0.5, 0.5, 0.5],
    [0.1, 0.2, -7.0, np.inf],
  ),
  "value": (np.int16, -999.0, [-999] * 4, [3000, 3, -999, -32000]),
  "value and nan": (np.float32, -1.0, [-1.0] * 4, [np.nan, 0.4, 0.3, 0.2]),
  "zero": (np.uint16, 0.0, [0] * 4, [65535, 0, 12, 13]),
}


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_batches_are_the_same_whatever_stands_there(way, guided, tmp_path):
  dtype, no_data, *kinds = WAYS[way]
  scale = 1 if dtype == np.float32 else 1000
  batches = []
  for number, junk in enumerate(kinds):
    # Nothing else is `no_data`.
    images = (0.5 + 0.5 * soft()) * scale
    images[:, *PLACES] = junk
    path = tmp_path / f"{number}.npz"
    np.savez(path, images=images.astype(dtype))
    config = pictures.config(path, source="arrays")
    config.data.update(value_range=(0, scale), no_data=no_data)
    config.data.sketch = "edges" if guided else None
    config.model.update(channels=CHANNELS, guided=guided)
    batches += pictures.take(config, 1)
  jax.tree.map(np.testing.assert_array_equal, *batches)
  batch = batches[0]
  assert batch.unknown[:, *PLACES].all()
  assert batch.unknown.sum() == 4 * 6 * 8
  assert (batch.mask >= batch.unknown).all()
  assert not (batch.image * batch.unknown).any()
  assert np.isfinite(batch.image).all()


def make_batch():
  """Returns a batch whose last picture is missing entirely."""
  image = 2 * soft() - 1
  image[:, *PLACES] = np.nan
  image[-1] = np.nan
  mask = np.zeros((4, 16, 24, 1), np.float32)
  mask[:, 6:14, 4:12] = 1
  return values_lib.to_batch(image, mask)


def predict(seed):
  """Returns predictions of all places, and others of the missing ones."""
  rng, batch = np.random.default_rng(seed), make_batch()
  one, other = rng.uniform(-1, 1, (2, *batch.image.shape)).astype(np.float32)
  return one, np.where(batch.unknown == 1, other, one)


PAPERS = losses.LossWeights()
WEIGHTS = {
  "paper": PAPERS,
  "holes": dataclasses.replace(PAPERS, hole=6.0, known=0.5),
  "means": dataclasses.replace(PAPERS, hole=6.0, separate_means=True),
  "discount": dataclasses.replace(PAPERS, discount=0.9),
  "window": dataclasses.replace(PAPERS, window=4.0),
  "l2": dataclasses.replace(PAPERS, distance="l2", hole=6.0, discount=0.9),
}


def pixel_objective(name):
  weights, module = WEIGHTS[name], baseline_objectives
  if name in ("paper", "holes", "means"):
    module = objectives
  return functools.partial(
    module.pixel_objective, batch=make_batch(), weights=weights
  )


@pytest.mark.parametrize("name", WEIGHTS)
def test_pixel_losses_do_not_look_at_missing_places(name):
  batch, objective = make_batch(), pixel_objective(name)
  slope = jax.jit(jax.value_and_grad(objective, argnums=(0, 1), has_aux=True))
  one, other = (slope(p, p) for p in predict(0))
  jax.tree.map(np.testing.assert_array_equal, one, other)
  for gradient in one[1]:
    assert np.isfinite(gradient).all()
    assert not (gradient * batch.unknown).any()
    # All other places count.
    places = np.abs(gradient).sum(axis=-1, keepdims=True) > 0
    np.testing.assert_array_equal(places, batch.unknown == 0)


@pytest.mark.parametrize("name", WEIGHTS)
def test_picture_that_is_missing_adds_nothing(name):
  batch = make_batch()
  loss, _ = pixel_objective(name)(*[predict(0)[0]] * 2)
  rest = jax.tree.map(lambda x: x[:3], batch)
  weights = pixel_objective(name).keywords["weights"]
  of_rest, _ = pixel_objective(name).func(
    *[predict(0)[0][:3]] * 2, batch=rest, weights=weights
  )
  np.testing.assert_allclose(4 * loss, 3 * of_rest, rtol=1e-6)


@pytest.mark.parametrize("module", [objectives, baseline_objectives])
def test_loss_is_that_of_the_known_places(module):
  image = np.array([0.5, np.nan, -0.5, 0.25], np.float32)
  mask = np.array([1, 0, 0, 1], np.float32)
  shape = lambda x: np.float32(x).reshape(1, 2, 2, 1)
  batch = values_lib.to_batch(shape(image), shape(mask))
  coarse, refined = shape([1, 1, -1, 0.5]), shape([0, -1, 0.5, 0.25])
  loss = lambda **weights: float(
    module.pixel_objective(
      coarse,
      refined,
      batch=batch,
      weights=dataclasses.replace(PAPERS, **weights),
    )[0]
  )
  # Differences: 0.5, 0.5, 0.25 of the coarse one; 0.5, 1, 0 of the refined one.
  assert loss() == pytest.approx(1.25 / 3 + 1.5 / 3)
  assert loss(hole=2.0) == pytest.approx(2.0 / 3 + 2.0 / 3)
  assert loss(known=0.0, l1_coarse=0.0) == pytest.approx(0.5 / 3)
  means = loss(hole=2.0, separate_means=True)
  assert means == pytest.approx(2 * 0.75 / 2 + 0.5 + 2 * 0.5 / 2 + 1)


def test_scored_places_are_the_hole_without_the_missing_ones():
  batch = make_batch()
  scored = batch_lib.scored(batch)
  np.testing.assert_array_equal(scored, batch.mask * (1 - batch.unknown))
  completed = batch_lib.complete(np.ones_like(batch.image), batch)
  expected = np.where(scored == 1, 1, batch.image)
  np.testing.assert_array_equal(completed, expected)


@functools.cache
def discriminators():
  """Returns (discriminator, its variables) of both kinds."""
  batch, made = make_batch(), []
  for network in (
    patch_discriminator.PatchDiscriminator(width=4),
    critics.GlobalAndLocalCritics(width=4),
  ):
    variables = jax.jit(functools.partial(network.init, update_stats=False))(
      jax.random.key(0), batch.image, batch.mask
    )
    made.append((network, variables))
  return made


@pytest.mark.parametrize("kind", [0, 1], ids=["patch", "critics"])
def test_discriminators_do_not_see_missing_places(kind):
  discriminator, variables = discriminators()[kind]
  batch = make_batch()

  @jax.jit
  @functools.partial(jax.value_and_grad, has_aux=True)
  def adversarial(refined):
    return objectives.adversarial_objective(
      refined,
      discriminator=discriminator,
      discriminator_variables=variables,
      batch=batch,
      weights=PAPERS,
    )

  one, other = map(adversarial, predict(1))
  jax.tree.map(np.testing.assert_array_equal, one, other)
  np.testing.assert_array_equal(
    np.abs(one[1]).sum(axis=-1, keepdims=True) > 0,
    batch_lib.scored(batch) == 1,
  )


@pytest.mark.parametrize("kind", [0, 1], ids=["patch", "critics"])
def test_gradient_of_discriminators_is_that_of_the_known_places(kind):
  discriminator, variables = discriminators()[kind]
  batch, weights = make_batch(), PAPERS
  objective, extra = objectives.discriminator_objective, {}
  if kind == 1:
    weights = dataclasses.replace(
      PAPERS, gan="wasserstein", gradient_penalty=10.0
    )
    objective = baseline_objectives.discriminator_objective
    extra = {"epsilon": jnp.array([0.1, 0.3, 0.6, 0.9])}

  @jax.jit
  def gradient(refined):
    return jax.grad(objective, has_aux=True)(
      variables["params"],
      variables.get(patch_discriminator.SPECTRAL),
      discriminator=discriminator,
      batch=batch,
      completed=batch_lib.complete(refined, batch),
      weights=weights,
      **extra,
    )

  one, other = map(gradient, predict(2))
  jax.tree.map(np.testing.assert_array_equal, one, other)
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(one))


class Sum(nn.Module):
  """A critic with the slope 1 everywhere."""

  def __call__(self, image, mask, sketch=None, *, update_stats):
    return image.sum((1, 2, 3))[:, None]


def test_gradient_penalty_is_of_the_slope_at_the_scored_places():
  batch = make_batch()
  _, (_, metrics) = baseline_objectives.discriminator_objective(
    {},
    None,
    discriminator=Sum(),
    batch=batch,
    completed=batch.image,
    epsilon=jnp.zeros(4),
    weights=dataclasses.replace(PAPERS, gradient_penalty=10.0),
  )
  counts = CHANNELS * batch_lib.scored(batch).sum((1, 2, 3))
  expected = np.mean((np.sqrt(counts) - 1) ** 2)
  np.testing.assert_allclose(metrics["gradient_penalty"], expected, rtol=1e-5)


def test_attention_does_not_copy_from_missing_places():
  image = np.random.default_rng(0).uniform(-1, 1, (1, 64, 96, 1))
  image[:, :, :40] = np.nan  # five of twelve places
  mask = np.zeros((1, 64, 96, 1), np.float32)
  mask[:, 16:40, 56:72] = 1
  batch = values_lib.to_batch(image.astype(np.float32), mask)
  generator = inpaint_generator.InpaintGenerator(width=4, channels=1)
  inputs = batch_lib.erase(batch.image, batch.mask), batch.mask
  output, _ = jax.jit(generator.init_with_output)(jax.random.key(0), *inputs)
  sources = np.arange(12) + np.asarray(output.offsets[..., 1])
  assert sources.min() >= 5
