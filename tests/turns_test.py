"""The step of Global&Local and DeepFill v1, whose networks take turns."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from configs import deepfill_v1
from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import losses
from gatedinpaint_jax.baselines import (
  completion_network,
  critics,
  objectives,
  phases,
)
from gatedinpaint_jax.baselines import losses as baseline_losses
from gatedinpaint_jax.networks import inpaint_generator, patch_discriminator
from gatedinpaint_jax.training import checkpoint_reader, step
from gatedinpaint_jax.training import setup as setup_lib
from gatedinpaint_jax.training import state as state_lib
from tests import step_test


def make_setup(discriminator, **kwargs):
  adam = optax.adam(1e-3, b1=0.5)
  return setup_lib.Setup(
    generator=completion_network.CompletionNetwork(width=4),
    discriminator=discriminator,
    generator_optimizer=adam,
    discriminator_optimizer=adam,
    **kwargs,
  )


GLOBAL_LOCAL = make_setup(
  critics.GlobalLocalDiscriminator(width=4),
  weights=baseline_losses.LossWeights(
    l1_coarse=0, distance="l2", known=0, gan="non_saturating"
  ),
)


@functools.cache
def make_state(setup):
  create = lambda key: state_lib.create_state(key, setup, image_size=(16, 16))
  return jax.jit(create)(jax.random.key(0))


BATCH = step_test.make_batch(4)


@functools.cache
def compiled(setup, turn):
  return jax.jit(step.make_train_step(setup, turn))


def take(setup, state, turn):
  return compiled(setup, turn)(state, BATCH)


@pytest.mark.slow
def test_step_of_both_equals_the_paper_s():
  common = {
    "generator": inpaint_generator.InpaintGenerator(width=4),
    "discriminator": patch_discriminator.PatchDiscriminator(width=4),
    "generator_optimizer": optax.sgd(1e-3),
    "discriminator_optimizer": optax.sgd(1e-3),
    "average_decay": 0.5,
  }
  keys = {"hole": 3.0, "separate_means": True, "adversarial": 0.1}
  papers = setup_lib.Setup(**common, weights=losses.LossWeights(**keys))
  state = make_state(papers)
  expected, metrics = take(papers, state, None)
  ours = setup_lib.Setup(**common, weights=baseline_losses.LossWeights(**keys))
  actual, more = take(ours, state, phases.Turn.BOTH)
  compare = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-7)
  jax.tree.map(compare, actual, expected)
  del metrics["adversarial_gradient_ratio"]
  jax.tree.map(compare, more, metrics)


@pytest.mark.slow
@pytest.mark.parametrize(
  ("turn", "moves"),
  [
    (phases.Turn.GENERATOR, {"generator"}),
    (phases.Turn.DISCRIMINATOR, {"discriminator"}),
    (phases.Turn.BOTH, {"generator", "discriminator"}),
  ],
)
def test_turn_moves_its_networks(turn, moves):
  state = make_state(GLOBAL_LOCAL)
  after, metrics = take(GLOBAL_LOCAL, state, turn)
  moved = {field for name in moves for field in (name, f"{name}_optimizer")}
  assert step_test.changed(state, after) == {"step", "examples_seen"} | moved
  assert after.step == 1 and after.examples_seen == 4
  assert ("generator_loss" in metrics) == ("generator" in moves)
  assert ("discriminator_loss" in metrics) == ("discriminator" in moves)
  assert ("adversarial_loss" in metrics) == (turn is phases.Turn.BOTH)


def test_losses_of_deepfill_v1_are_means_over_its_window_and_known_pixels():
  # A box of the mean size, so that the share of known pixels is the mean one.
  random = np.random.default_rng(0)
  image, coarse, refined = random.uniform(-1, 1, (3, 2, 32, 32, 3))
  mask = np.zeros((2, 32, 32, 1))
  mask[0, 5:19, 12:26] = mask[1, 1:15, 1:15] = 1
  windows = ((0, slice(4, 20), slice(11, 27)), (1, slice(16), slice(16)))
  side = np.minimum(np.arange(1, 15), np.arange(14, 0, -1))
  discounted = np.ones((16, 16, 1))
  discounted[1:15, 1:15, 0] = 0.99 ** (np.minimum.outer(side, side) - 1)

  def distance(prediction):
    difference = np.abs(prediction - image)
    window = np.stack([difference[at] for at in windows])
    known = (difference * (1 - mask)).mean() / (1 - mask).mean()
    return (window * discounted).mean() + known

  # GAN_LOSS_ALPHA aside: L1_LOSS_ALPHA, AE_LOSS_ALPHA and COARSE_L1_ALPHA.
  expected = 1.2 * (1.2 * distance(coarse) + distance(refined))
  loss, _ = objectives.pixel_objective(
    *(coarse.astype("f"), refined.astype("f")),
    batch=batch_lib.Batch(image.astype("f"), mask.astype("f")),
    weights=baseline_losses.LossWeights(**deepfill_v1.get_config().loss),
  )
  np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_completion_is_the_squared_error_in_the_hole_and_moves_statistics():
  state, batch = make_state(GLOBAL_LOCAL), BATCH
  after, metrics = take(GLOBAL_LOCAL, state, phases.Turn.GENERATOR)
  incomplete = batch_lib.erase(batch.image, batch.mask)
  output, new = GLOBAL_LOCAL.generator.apply(
    {"params": state.generator}, incomplete, batch.mask, mutable=["statistics"]
  )
  wrong = np.square(output.refined - batch.image) * batch.mask
  np.testing.assert_allclose(metrics["generator_loss"], wrong.mean(), rtol=1e-5)
  norm = after.generator["conv1"]["norm"]
  for name, expected in new["statistics"]["conv1"]["norm"].items():
    np.testing.assert_allclose(norm[name], expected, rtol=1e-5, atol=1e-6)
    assert not np.allclose(expected, state.generator["conv1"]["norm"][name])


WASSERSTEIN = make_setup(
  critics.GlobalAndLocalCritics(width=4),
  weights=baseline_losses.LossWeights(
    gan="wasserstein", gradient_penalty=10, discriminator=1
  ),
)


@pytest.mark.slow
def test_critics_in_parts_are_those_of_the_batch_at_once():
  taken = []
  for parts in (1, 2):
    setup = dataclasses.replace(
      WASSERSTEIN,
      accumulation_steps=parts,
      discriminator_optimizer=optax.sgd(1e-3),
    )
    state = make_state(setup)
    # Batch normalization would see the parts one by one.
    constant = jax.tree.map(jnp.zeros_like, state.generator)
    state = state.replace(generator=constant)
    after, metrics = take(setup, state, phases.Turn.DISCRIMINATOR)
    taken.append((after.discriminator, metrics["gradient_penalty"]))
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), *taken
  )


@pytest.mark.slow
def test_mixtures_of_the_penalty_change_with_the_step():
  state, turn = make_state(WASSERSTEIN), phases.Turn.DISCRIMINATOR
  penalties = []
  for number in (0, 1, 0):
    at_step = state.replace(step=jnp.int32(number))
    _, metrics = take(WASSERSTEIN, at_step, turn)
    penalties.append(metrics["gradient_penalty"])
  assert penalties[0] == penalties[2] != penalties[1]


def test_imported_discriminator_of_another_kind_is_left():
  state = make_state(GLOBAL_LOCAL)
  model = checkpoint_reader.SavedModel(
    folder=None,
    config={},
    generator=jax.tree.map(jnp.ones_like, state.generator),
    discriminator={"conv1": {"kernel": jnp.ones((5, 5, 4, 8))}},
    spectral={"conv1_norm": {"conv1/kernel/u": jnp.ones((1, 8))}},
  )
  begun = state_lib.start_from(state, model)
  assert step_test.changed(state, begun) == {"generator"}
  assert begun.spectral is None
