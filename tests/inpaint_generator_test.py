import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import compiler_options
from gatedinpaint_jax.fast import attention, convolution
from gatedinpaint_jax.networks import inpaint_generator
from tests import released, small_checkpoint


def read_inputs(golden, *, guided=False):
  """Returns `(image in RGB, mask, sketch)` of a released inference input."""
  parts = np.split(golden["server_input"], 3 if guided else 2, axis=2)
  image = batch_lib.from_uint8(parts[0][..., ::-1].astype(np.float32))
  mask = (parts[-1][..., :1] > 127.5).astype(np.float32)
  np.testing.assert_array_equal(mask, golden["mask"])
  sketch = None
  if guided:
    sketch = (parts[1][..., :1] / 255.0 > 0.6).astype(np.float32) * mask
  return image, mask, sketch


FAST = {"convolve": convolution.convolve, "attend": attention.attend_on_cpu}


def fill(params, image, mask, sketch, *, forms=FAST, **kwargs):
  generator = inpaint_generator.InpaintGenerator(
    guided=sketch is not None, **forms
  )

  def apply(params):
    return generator.apply(
      {"params": params}, batch_lib.erase(image, mask), mask, sketch, **kwargs
    )

  return jax.jit(apply)(params)


@pytest.mark.optimized
@pytest.mark.parametrize(
  ("case", "refined_max", "forms"),
  [("64x96", 1e-3, {}), ("72x136", 1e-3, FAST), ("guided_64x96", 5e-3, {})],
)
def test_both_stages_equal_the_released_program(case, refined_max, forms):
  guided = case.startswith("guided")
  golden = released.load(f"generator_{case}")
  params, _, _ = released.variables("guided" if guided else "plain")
  image, mask, sketch = read_inputs(golden, guided=guided)
  output = fill(params, image, mask, sketch, forms=forms)

  coarse = golden["x_stage1"][..., ::-1]
  np.testing.assert_allclose(output.coarse, coarse, atol=5e-5, rtol=0)
  difference = np.abs(output.refined - golden["x_stage2"][..., ::-1])
  assert difference.max() < refined_max
  assert difference.mean() < 1e-5

  completed = batch_lib.composite(output.refined, image, mask)
  in_levels = (np.asarray(completed[0]) + 1) * 127.5
  released_levels = golden["uint8_bgr"][..., ::-1].astype(np.float32)
  # The released program truncates to whole levels, hence up to one level.
  hole = mask[0, :, :, 0] == 1
  assert np.abs(in_levels - 0.5 - released_levels)[hole].max() < 0.75


@pytest.mark.optimized
def test_every_layer_equals_the_released_program():
  golden = released.load("generator_64x96_layers")
  params, _, _ = released.variables("plain")
  inputs = read_inputs(released.load("generator_64x96"))
  _, intermediates = fill(
    params, *inputs, capture_intermediates=True, mutable=True
  )
  tree = intermediates["intermediates"]
  layers = {**tree["coarse"], **tree["refinement"]}
  checked = 0
  for name, layer in layers.items():
    if name == "__call__":
      continue
    ((output, _),) = layer["__call__"]
    output = np.asarray(output)
    if name in ("conv17", "allconv17"):
      output = output[..., ::-1]
    _, std, _, _ = golden[name]
    of_all = [output.mean(), output.std(), output.min(), output.max()]
    for actual, expected in (
      (output[:, ::8, ::8], golden[f"{name}__s"]),
      (of_all, golden[name]),
    ):
      np.testing.assert_allclose(
        actual, expected, atol=1e-4 * std, rtol=0, err_msg=name
      )
    checked += 1
  assert checked == 42


@pytest.mark.parametrize("conv", ["partial", "vanilla"])
def test_ungated_networks_have_the_layers_without_their_gates(conv):
  generator = inpaint_generator.InpaintGenerator(conv=conv)
  image, mask = jnp.zeros((1, 16, 16, 3)), jnp.zeros((1, 16, 16, 1))
  params = jax.eval_shape(generator.init, jax.random.key(0), image, mask)
  # Half of everything but the two layers that output colours, which have no
  # gate: 12 * 9 * 3 + 3 parameters each.
  colours = 2 * (12 * 9 * 3 + 3)
  count = sum(p.size for p in jax.tree.leaves(params))
  assert count == (4_052_478 - colours) // 2 + colours


def small_inputs(height=16, width=24):
  image = jax.random.uniform(
    jax.random.key(0), (2, height, width, 3), minval=-1, maxval=1
  )
  mask = np.zeros((2, height, width, 1), np.float32)
  for i in range(2):
    mask[i, 4 + i : 12 + i, 6 * i : 6 * i + 9] = 1
  return batch_lib.erase(image, mask), mask


@pytest.mark.parametrize("conv", ["gated", "partial"])
def test_each_picture_gets_what_it_gets_alone(conv):
  generator = inpaint_generator.InpaintGenerator(width=8, conv=conv)
  incomplete, mask = small_inputs()
  variables = jax.jit(generator.init)(jax.random.key(1), incomplete, mask)
  apply = jax.jit(generator.apply)
  together = apply(variables, incomplete, mask)
  for i in range(2):
    alone = apply(variables, incomplete[i : i + 1], mask[i : i + 1])
    np.testing.assert_allclose(together.refined[i], alone.refined[0], atol=1e-5)
    np.testing.assert_array_equal(together.offsets[i], alone.offsets[0])


def test_bfloat16_keeps_float32_parameters_and_outputs():
  generator = inpaint_generator.InpaintGenerator(width=8, dtype=jnp.bfloat16)
  incomplete, mask = small_inputs()
  variables = jax.jit(generator.init)(jax.random.key(1), incomplete, mask)
  output = jax.jit(generator.apply)(variables, incomplete, mask)
  exact = jax.jit(inpaint_generator.InpaintGenerator(width=8).apply)(
    variables, incomplete, mask
  )
  assert output.refined.dtype == output.coarse.dtype == jnp.float32
  assert all(p.dtype == jnp.float32 for p in jax.tree.leaves(variables))
  assert 0 < np.abs(output.coarse - exact.coarse).max() < 0.05


def test_side_that_is_not_a_multiple_of_eight_is_refused():
  generator = inpaint_generator.InpaintGenerator(width=8)
  image, mask = jnp.zeros((1, 12, 16, 3)), jnp.zeros((1, 12, 16, 1))
  with pytest.raises(ValueError, match="12 x 16: both sides must be multiples"):
    jax.jit(generator.init)(jax.random.key(0), image, mask)


@pytest.mark.parametrize("guided", [False, True])
def test_sketch_must_come_exactly_with_guidance(guided):
  generator = inpaint_generator.InpaintGenerator(width=8, guided=guided)
  image, mask = jnp.zeros((1, 16, 16, 3)), jnp.zeros((1, 16, 16, 1))
  with pytest.raises(ValueError, match=f"guided={guided}"):
    jax.jit(generator.init)(
      jax.random.key(0), image, mask, None if guided else mask
    )


@pytest.mark.slow
def test_attention_does_not_copy_from_padding():
  image = np.random.default_rng(1).uniform(-1, 1, (1, 64, 96, 3))
  mask = np.zeros((1, 64, 96, 1), np.float32)
  mask[:, :32, :32] = 1
  # All but the right third, away from its edge: cells 9, 10 and 11 of 12.
  padding = np.ones((1, 64, 96, 1), np.float32)
  padding[:, :, 56:] = 0
  generator = inpaint_generator.InpaintGenerator(width=4)
  params = jax.jit(generator.init)(jax.random.key(0), image, mask)
  apply = jax.jit(generator.apply)

  def sources(**kwargs):
    incomplete = batch_lib.erase(image, mask)
    offsets = apply(params, incomplete, mask, **kwargs).offsets
    return np.unique(offsets[0, :, :, 1] + np.arange(12)[None])

  assert sources().min() < 8
  assert sources(padding=padding).min() >= 8
  np.testing.assert_array_equal(
    sources(padding=np.zeros_like(padding)), sources()
  )


def test_rematerialized_gradient_is_the_same_and_keeps_less():
  incomplete, mask = small_inputs(height=32, width=48)
  # Of the others, rounding alone moves gradients by half a percent.
  params = small_checkpoint.calm_params()
  gradients, bytes_kept = [], []
  for rematerialize in (False, True):
    generator = inpaint_generator.InpaintGenerator(
      width=4, rematerialize=rematerialize
    )

    def loss(params, generator=generator):
      output = generator.apply({"params": params}, incomplete, mask)
      return jnp.abs(output.refined - incomplete).mean()

    gradients.append(jax.jit(jax.grad(loss))(params))
    # The leaves of the backward function are what it keeps of the forward.
    _, backward = jax.eval_shape(functools.partial(jax.vjp, loss), params)
    bytes_kept.append(
      sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(backward))
    )
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7),
    *gradients,
  )
  assert bytes_kept[1] < 0.5 * bytes_kept[0]


def test_gradient_in_order_of_memory_takes_less_of_it():
  generator = inpaint_generator.InpaintGenerator(width=4, **FAST)
  image, mask = np.zeros((1, 64, 96, 3)), np.ones((1, 64, 96, 1))

  def loss(params):
    output = generator.apply({"params": params}, image, mask)
    return jnp.abs(output.refined).mean()

  unordered, ordered = (
    jax.jit(jax.grad(loss), compiler_options=options)
    .lower(small_checkpoint.params())
    .compile()
    .memory_analysis()
    .temp_size_in_bytes
    for options in ({}, compiler_options.for_backend())
  )
  assert ordered < 0.8 * unordered
