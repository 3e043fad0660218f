"""The objectives on the two golden pictures, against the released program."""

import functools

import jax
import numpy as np
import pytest

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import losses, objectives
from gatedinpaint_jax.networks import inpaint_generator, patch_discriminator
from tests import released

CASES = ("losses_64", "losses_64_converged_u", "losses_guided_64")

pytestmark = pytest.mark.optimized


def read_batch(golden):
  image = batch_lib.from_uint8(golden["batch"][..., ::-1].astype(np.float32))
  mask = np.broadcast_to(golden["mask"], (*image.shape[:3], 1))
  sketch = None
  if "edge" in golden:
    sketch = (golden["edge"][..., :1] / 255 > 0.6).astype(np.float32) * mask
  return batch_lib.Batch(image, mask, sketch)


def read_case(case):
  """Returns (golden arrays, batch, generator, discriminator, spectral)."""
  golden = released.load(case)
  kind = "guided" if "guided" in case else "plain"
  generator, discriminator, _ = released.variables(kind)
  spectral = released.spectral(golden, "u0")
  return golden, read_batch(golden), generator, discriminator, spectral


def complete(golden, batch):
  """Returns the pictures as the released program completes them, in RGB."""
  refined = golden["x_stage2"][..., ::-1]
  return batch_lib.composite(refined, batch.image, batch.mask)


def assert_gradients_equal(golden, scope, grads, *, tolerance):
  """Compares all gradient norms of a network and the whole gradients we have.

  `tolerance` is relative to the largest value.
  """
  whole = norms = 0
  for name, expected in golden.items():
    if not name.startswith((f"gradnorm/{scope}", f"grad/{scope}")):
      continue
    kind, variable = name.split("/", 1)
    (_, *path), expected = released.to_ours(variable, expected)
    actual = grads
    for part in path:
      actual = actual[part]
    if kind == "gradnorm":
      actual = np.linalg.norm(np.asarray(actual).ravel())
      norms += 1
    else:
      whole += 1
    np.testing.assert_allclose(
      actual,
      expected,
      atol=tolerance * np.abs(expected).max(),
      rtol=0,
      err_msg=name,
    )
  assert whole >= 1
  assert norms == len(jax.tree.leaves(grads))


DISCRIMINATOR = patch_discriminator.PatchDiscriminator()


def compute_discriminator(golden, batch, params, spectral):
  """Returns the discriminator's `((loss, (spectral, metrics)), gradients)`."""
  objective = functools.partial(
    objectives.discriminator_objective,
    discriminator=DISCRIMINATOR,
    batch=batch,
    completed=complete(golden, batch),
    weights=losses.LossWeights(),
  )
  return jax.jit(jax.value_and_grad(objective, has_aux=True))(params, spectral)


@pytest.mark.parametrize("case", CASES)
def test_scores_losses_and_u_equal_the_released_program(case):
  golden, batch, _, params, spectral = read_case(case)
  (loss, (new_spectral, metrics)), _ = compute_discriminator(
    golden, batch, params, spectral
  )
  real, fake = golden["pos"], golden["neg"]
  np.testing.assert_allclose(loss, golden["d_loss"], atol=1e-5)
  np.testing.assert_allclose(metrics["real_score"], real.mean(), atol=1e-5)
  np.testing.assert_allclose(metrics["fake_score"], fake.mean(), atol=1e-5)
  for layer, expected in released.spectral(golden, "u1").items():
    (name,) = [key for key in expected if key.endswith("/u")]
    np.testing.assert_allclose(
      new_spectral[layer][name], expected[name], atol=1e-5, err_msg=layer
    )
  # Those of every patch.
  variables = {"params": params, "spectral": spectral}
  apply = jax.jit(functools.partial(DISCRIMINATOR.apply, update_stats=False))
  for image, expected in ((batch.image, real), (complete(golden, batch), fake)):
    scores = apply(variables, image, batch.mask, batch.sketch)
    np.testing.assert_allclose(scores, expected, atol=5e-5)


def test_discriminator_gradients_equal_the_released_program():
  # At a converged u, where the released program's race does not matter: see
  # DIFFERENCES.md.
  golden, batch, _, params, spectral = read_case("losses_64_converged_u")
  _, grads = compute_discriminator(golden, batch, params, spectral)
  assert_gradients_equal(golden, "discriminator", grads, tolerance=1e-4)


@pytest.mark.parametrize(
  "case",
  [
    "losses_64_converged_u",
    pytest.param("losses_guided_64", marks=pytest.mark.slow),
  ],
)
def test_generator_loss_and_gradients_equal_the_released_program(case):
  golden, batch, params, discriminator_params, spectral = read_case(case)
  generator = inpaint_generator.InpaintGenerator(guided="guided" in case)

  def objective(params):
    output = generator.apply(
      {"params": params},
      batch_lib.erase(batch.image, batch.mask),
      batch.mask,
      batch.sketch,
    )
    known = {"batch": batch, "weights": losses.LossWeights()}
    of_pixels, metrics = objectives.pixel_objective(
      output.coarse, output.refined, **known
    )
    adversarial, more = objectives.adversarial_objective(
      output.refined,
      discriminator=DISCRIMINATOR,
      discriminator_variables={
        "params": discriminator_params,
        "spectral": spectral,
      },
      **known,
    )
    return of_pixels + adversarial, metrics | more

  (loss, metrics), grads = jax.jit(jax.value_and_grad(objective, has_aux=True))(
    params
  )
  np.testing.assert_allclose(loss, golden["g_loss_total"], atol=1e-5)
  for found, name in (
    (metrics["adversarial_loss"], "g_gan"),
    (metrics["l1_coarse"] + metrics["l1_refined"], "ae_loss"),
  ):
    np.testing.assert_allclose(found, golden[name], atol=1e-5, err_msg=name)
  assert_gradients_equal(golden, "inpaint_net", grads, tolerance=1e-4)
