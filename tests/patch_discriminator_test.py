import jax
import jax.numpy as jnp
import numpy as np

from gatedinpaint_jax.networks import patch_discriminator


def picture(batch=2, size=64):
  image = jax.random.normal(jax.random.key(0), (batch, size, size, 3))
  return image, jnp.zeros((batch, size, size, 1))


def initialise(width=4, **kwargs):
  discriminator = patch_discriminator.PatchDiscriminator(width, **kwargs)
  variables = jax.jit(discriminator.init, static_argnames="update_stats")(
    jax.random.key(1), *picture(), update_stats=False
  )
  return discriminator, variables


def test_power_iteration_finds_the_largest_singular_value():
  discriminator, variables = initialise()
  apply = jax.jit(
    lambda variables: discriminator.apply(
      variables, *picture(), update_stats=True, mutable=["spectral"]
    )
  )
  for _ in range(100):
    _, changed = apply(variables)
    variables = {**variables, **changed}
  norms = patch_discriminator.spectral_norms(variables["spectral"])
  for name, norm in norms.items():
    kernel = np.asarray(variables["params"][name]["kernel"])
    largest = np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), ord=2)
    np.testing.assert_allclose(norm, largest, rtol=1e-3, err_msg=name)


def test_scores_do_not_depend_on_the_scale_of_a_kernel():
  discriminator, variables = initialise()
  scores = discriminator.apply(variables, *picture(), update_stats=False)
  conv3 = variables["params"]["conv3"]
  conv3["kernel"] = 7 * conv3["kernel"]
  scaled = discriminator.apply(variables, *picture(), update_stats=False)
  np.testing.assert_allclose(scaled, scores, atol=1e-5)


def test_first_u_is_normal():
  _, variables = initialise(width=64)
  u = variables["spectral"]["conv4_norm"]["conv4/kernel/u"]
  assert u.shape == (1, 256)
  assert 0.85 < np.std(u) < 1.15
  assert np.abs(u).max() > 2  # where a truncated normal ends


def test_bfloat16_keeps_parameters_norms_and_scores_in_float32():
  discriminator, variables = initialise(dtype=jnp.bfloat16)
  scores = discriminator.apply(variables, *picture(), update_stats=False)
  assert scores.dtype == jnp.float32
  assert all(v.dtype == jnp.float32 for v in jax.tree.leaves(variables))
