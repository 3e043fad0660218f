"""What a config says of losses, turns and optimizers, and what it cannot."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from configs import places2
from gatedinpaint_jax import errors
from gatedinpaint_jax.training import setup as setup_lib
from tests import tiny_run


def build(change):
  config = places2.get_config()
  config.update_from_flattened_dict(change)
  return setup_lib.build_setup(config)


@pytest.mark.parametrize(
  ("change", "words"),
  [
    ({"model.generator": "unet"}, "config.model.generator='unet': must be one"),
    ({"model.discriminator_width": 0}, "discriminator_width=0: must be in"),
    ({"model.generator": "completion"}, "config.model.conv=gated: must be van"),
    ({"loss.distance": "l3"}, "config.loss.distance='l3': must be one of l1"),
    ({"loss.gan": "lsgan"}, "config.loss.gan='lsgan': must be one of hinge"),
    ({"loss.hole": -1.0}, "config.loss.hole=-1.0: must be in "),
    ({"loss.separate_means": None}, "loss.separate_means=None: must have"),
    ({"loss.hole": None}, "config.loss.hole=None: must have a v"),
    ({"loss.discount": 0.0}, r"config.loss.discount=0.0: must be in \(0, 1\]"),
    ({"loss.gan": "wasserstein"}, "gradient_penalty=0.0: must be above 0 for"),
    ({"loss.gradient_penalty": 1.0}, "must be 0 unless config.model.discr"),
    ({"optimizer.kind": "sgd"}, "config.optimizer.kind='sgd': must be one of"),
    (
      {
        "model.discriminator": "global_local",
        "optimizer.accumulation_steps": 2,
      },
      "accumulation_steps=2: must be 1",
    ),
  ],
)
def test_mistake_is_one_line_that_names_the_key(change, words):
  with pytest.raises(errors.UserError, match=words) as error:
    build(change)
  assert "\n" not in str(error.value)


def test_config_that_lacks_a_newer_key_takes_its_default_and_says_so():
  config = places2.get_config()
  old = places2.get_config()
  del old.model["initializer"], old.loss["separate_means"]
  old.lock()
  with tiny_run.captured_log() as lines:
    assert setup_lib.fill_in(old).to_dict() == config.to_dict()
  assert lines == [
    "config.model.initializer is not set; using variance_preserving",
    "config.loss.separate_means is not set; using False",
  ]
  assert "initializer" not in old.model
  with tiny_run.captured_log() as lines:
    setup_lib.fill_in(config)
  assert lines == []


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_learning_rates_reach_zero_with_the_last_move_of_each_network(kind):
  setup = build(
    {
      "schedule.steps": 23,
      "schedule.completion_steps": 3,
      "schedule.generator_every_steps": 5,
      "optimizer.decay": kind,
    }
  )
  for optimizer, moves in (
    (setup.generator_optimizer, 3 + 4),
    (setup.discriminator_optimizer, 20),
  ):
    state = optimizer.init(jnp.ones(()))
    sizes = []
    for _ in range(moves + 1):
      update, state = optimizer.update(jnp.ones(()), state)
      sizes.append(abs(float(update)))
    assert sizes[0] == pytest.approx(1e-4, rel=1e-3)
    assert sizes[-2] > 0 and sizes[-1] == pytest.approx(0, abs=1e-10)


def test_clipping_bounds_the_gradient_that_adam_sees():
  optimizer = build({"optimizer.clip_norm": 1.0}).generator_optimizer
  grads = {"w": np.full(4, 10.0, np.float32)}
  _, state = optimizer.update(grads, optimizer.init(grads), grads)
  mu = optax.tree.get(state, "mu")["w"]
  np.testing.assert_allclose(mu, (1 - 0.5) * np.full(4, 0.5), rtol=1e-6)


@pytest.mark.parametrize(
  ("decay", "end"), [("constant", 1.0), ("linear", 0.0), ("cosine", 0.0)]
)
def test_schedule_rises_then_decays(decay, end):
  optimizer = places2.get_optimizer_config()
  optimizer.update(decay=decay, warmup_steps=10)
  schedule = setup_lib.make_schedule(optimizer, 1.0, steps=100)
  np.testing.assert_allclose(schedule(0), 0)
  np.testing.assert_allclose(schedule(10), 1, atol=1e-6)
  np.testing.assert_allclose(schedule(100), end, atol=1e-6)
