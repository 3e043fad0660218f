import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from benchmarks import compiled_program
from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import losses, objectives
from gatedinpaint_jax.networks import inpaint_generator, patch_discriminator
from gatedinpaint_jax.training import devices, step
from gatedinpaint_jax.training import setup as setup_lib
from gatedinpaint_jax.training import state as state_lib

SIZE = (16, 16)


def make_setup(**kwargs):
  adam = optax.adam(1e-4, b1=0.5)
  return setup_lib.Setup(
    generator=inpaint_generator.InpaintGenerator(width=4),
    discriminator=patch_discriminator.PatchDiscriminator(width=4),
    generator_optimizer=adam,
    discriminator_optimizer=adam,
    weights=losses.LossWeights(),
    **kwargs,
  )


@functools.cache
def state_with_average():
  setup = make_setup(average_decay=0.75)
  return jax.jit(
    lambda key: state_lib.create_state(key, setup, image_size=SIZE)
  )(jax.random.key(0))


def initial_state():
  return state_with_average().replace(generator_average=None)


def make_batch(size=8):
  rng = np.random.default_rng(0)
  image = rng.uniform(-1, 1, (size, *SIZE, 3)).astype(np.float32)
  mask = np.zeros((size, *SIZE, 1), np.float32)
  for i in range(size):
    mask[i, 2 + i % 4 : 10, 4:12] = 1
  return batch_lib.Batch(image, mask)


def changed(before, after):
  """Returns the names of the fields of a state that are not what they were."""
  return {
    field.name
    for field in dataclasses.fields(before)
    if not jax.tree.all(
      jax.tree.map(
        np.array_equal, getattr(before, field.name), getattr(after, field.name)
      )
    )
  }


def update_discriminator(state, batch, setup):
  generated = step.generate(state, batch, setup=setup)
  gradient = step.discriminator_gradient(state, batch, *generated, setup=setup)
  return step.update_discriminator(state, *gradient, setup=setup)


def update_generator(state, batch, setup):
  prediction = step.generate(state, batch, setup=setup)
  gradient = step.generator_gradient(state, batch, *prediction, setup=setup)
  return step.update_generator(state, *gradient, setup=setup)


@functools.cache
def compiled(update):
  return jax.jit(functools.partial(update, setup=make_setup()))


def test_discriminator_update_leaves_the_generator_bit_identical():
  state = initial_state()
  after, _ = compiled(update_discriminator)(state, make_batch(2))
  learned = {"discriminator", "discriminator_optimizer", "spectral"}
  assert changed(state, after) == learned


def test_generator_update_leaves_the_discriminator_bit_identical():
  state = initial_state()
  after, _ = compiled(update_generator)(state, make_batch(2))
  assert changed(state, after) == {"generator", "generator_optimizer"}


@functools.cache
def compiled_step():
  return jax.jit(step.make_train_step(make_setup()))


def test_generator_learns_from_the_updated_discriminator():
  state, batch = initial_state(), make_batch(2)
  actual, metrics = compiled_step()(state, batch)
  between, _ = compiled(update_discriminator)(state, batch)
  expected, _ = compiled(update_generator)(between, batch)
  for name in ("generator", "discriminator", "spectral"):
    jax.tree.map(
      functools.partial(np.testing.assert_allclose, atol=1e-6),
      getattr(actual, name),
      getattr(expected, name),
    )
  assert actual.step == 1
  assert actual.examples_seen == 2
  assert all(np.isfinite(v) and np.ndim(v) == 0 for v in metrics.values())
  np.testing.assert_allclose(metrics["hole_fraction"], batch.mask.mean())


def test_adam_of_both_networks_begins_with_the_learning_rate():
  # The released program shares one counter: its generator begins with 0.9427 of
  # the learning rate. See DIFFERENCES.md.
  state = initial_state()
  after, _ = compiled_step()(state, make_batch(2))
  for name in ("generator", "discriminator"):
    networks = getattr(state, name), getattr(after, name)
    moves = jax.tree.map(lambda a, b: np.abs(a - b).max(), *networks)
    np.testing.assert_allclose(max(jax.tree.leaves(moves)), 1e-4, rtol=1e-3)


@functools.cache
def update_with_average():
  setup = make_setup(average_decay=0.75)
  return jax.jit(functools.partial(step.update_generator, setup=setup))


@pytest.mark.parametrize(
  ("steps", "decay"), [(0, 0.1), (8, 0.5), (17, 2 / 3), (26, 0.75), (500, 0.75)]
)
def test_moving_average_follows_the_generator(steps, decay):
  state = state_with_average().replace(step=jnp.asarray(steps))
  gradient = jax.tree.map(jnp.ones_like, state.generator)
  after, _ = update_with_average()(state, gradient, {})
  expected = jax.tree.map(
    lambda old, new: decay * old + (1 - decay) * new,
    state.generator,
    after.generator,
  )
  jax.tree.map(
    functools.partial(np.testing.assert_allclose, atol=1e-6),
    after.generator_average,
    expected,
  )
  assert after.best_generator is after.generator_average


@functools.cache
def run_on(device_count, **kwargs):
  """Trains on the first so many devices; returns (state, metrics of a step)."""
  setup = make_setup(**kwargs)
  mesh = devices.make_mesh(jax.devices()[:device_count])
  # A copy, which may be donated.
  state = jax.device_get(initial_state())
  state = jax.device_put(state, devices.replicated(mesh))
  batch = devices.put_batch(make_batch(8), mesh)
  train_step = jax.jit(
    step.make_train_step(setup, mesh=mesh),
    donate_argnums=0,
    out_shardings=devices.replicated(mesh),
  )
  history = []
  for _ in range(2):
    state, metrics = train_step(state, batch)
    history.append(jax.device_get(metrics))
  return jax.device_get(state), history


@pytest.mark.slow
@pytest.mark.parametrize(
  "other", [{"device_count": 8}, {"device_count": 2, "accumulation_steps": 2}]
)
def test_devices_and_parts_of_the_batch_equal_one_at_once(other):
  one, one_metrics = run_on(1)
  eight, eight_metrics = run_on(**other)
  for a, b in zip(one_metrics, eight_metrics, strict=True):
    assert a.keys() == b.keys()
    for name in a:
      np.testing.assert_allclose(a[name], b[name], rtol=1e-5, atol=1e-6)
  # Both moments of Adam and u, compared to the largest of each array.
  for name in ("generator_optimizer", "discriminator_optimizer", "spectral"):
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(
        a, b, rtol=0, atol=1e-5 * np.abs(a).max() + 1e-12
      ),
      getattr(one, name),
      getattr(eight, name),
    )


@pytest.mark.slow
def test_gradients_are_summed_over_devices_in_float32():
  # In bfloat16 the gradients of a device are rounded, but not their mean.
  layer = {"width": 4, "dtype": jnp.bfloat16}
  keep_gradient = optax.trace(decay=0.0)
  setup = dataclasses.replace(
    make_setup(),
    generator=inpaint_generator.InpaintGenerator(**layer),
    discriminator=patch_discriminator.PatchDiscriminator(**layer),
    discriminator_optimizer=keep_gradient,
  )
  state = initial_state()
  state = state.replace(
    discriminator_optimizer=keep_gradient.init(state.discriminator)
  )

  def gradients(batches, device_count):
    """Returns the gradient of each of some batches of one size."""
    mesh = devices.make_mesh(jax.devices()[:device_count])
    begun = jax.device_put(state, devices.replicated(mesh))
    batches = [devices.put_batch(batch, mesh) for batch in batches]
    train_step = jax.jit(step.make_train_step(setup, mesh=mesh))
    compiled = train_step.lower(begun, batches[0]).compile()
    counts = compiled_program.summarize(compiled.as_text())
    assert counts["collectives"].keys() == {"all-reduce"}
    assert counts["bfloat16_all_reduces"] == 0
    return [
      jax.device_get(compiled(begun, x)[0].discriminator_optimizer.trace)
      for x in batches
    ]

  batch = make_batch(4)
  alone = gradients(
    [jax.tree.map(lambda x, i=i: x[i : i + 1], batch) for i in range(4)], 1
  )
  jax.tree.map(
    lambda mean, *each: np.testing.assert_allclose(
      mean, np.mean(each, axis=0), rtol=0, atol=1e-5 * np.abs(mean).max()
    ),
    *gradients([batch], 4),
    *alone,
  )


def test_ratio_tells_which_loss_decides_the_refined_picture():
  weights = losses.LossWeights(adversarial=0.5)
  setup = dataclasses.replace(make_setup(), weights=weights)
  state, batch = initial_state(), make_batch(2)

  @jax.jit
  def generate(state, batch):
    predictions, pullback = step.generate(state, batch, setup=setup)
    _, metrics = step.generator_gradient(
      state, batch, predictions, pullback, setup=setup
    )
    return predictions[1], metrics

  refined, metrics = generate(state, batch)
  adversarial = jax.jit(
    jax.grad(
      lambda refined: objectives.adversarial_objective(
        refined,
        discriminator=setup.discriminator,
        discriminator_variables=state.discriminator_variables,
        batch=batch,
        weights=weights,
      )[0]
    )
  )(refined)
  # Each pixel's share of the mean absolute error has the slope 1 or -1.
  of_pixels = refined[0].size ** 0.5 / refined.size
  norms = jnp.linalg.norm(adversarial.reshape(2, -1), axis=1)
  expected = jnp.mean(norms) / of_pixels
  np.testing.assert_allclose(
    metrics["adversarial_gradient_ratio"], expected, rtol=1e-4
  )


@pytest.mark.parametrize("broken", ["batch", "learning rate"])
def test_nothing_is_learned_from_what_is_not_finite(broken):
  state, batch, take_step = initial_state(), make_batch(2), compiled_step()
  if broken == "batch":
    batch.image[1, 0, 0, 0] = np.nan
  else:
    adam = optax.adam(float("inf"), b1=0.5)
    setup = dataclasses.replace(make_setup(), generator_optimizer=adam)
    take_step = jax.jit(step.make_train_step(setup))
  after, metrics = take_step(state, batch)
  assert metrics[step.SKIPPED] == 1
  assert (after.step, after.examples_seen) == (1, 2)
  assert changed(state, after) == {"step", "examples_seen"}
