"""The objectives on the two golden pictures, against the released program."""

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


def predict(golden):
  """Returns both predictions of the released program, in RGB."""
  return golden["x_stage1"][..., ::-1], golden["x_stage2"][..., ::-1]


def assert_gradients_equal(golden, scope, grads, *, tolerance):
  """Compares all gradient norms of a network and the whole gradients we have.

  Raises:
    AssertionError: if they differ by more than `tolerance` of the largest.
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


@pytest.mark.parametrize("case", CASES)
def test_scores_losses_and_u_equal_the_released_program(case):
  golden, batch, _, params, spectral = read_case(case)
  _, refined = predict(golden)
  loss, (new_spectral, metrics) = objectives.discriminator_objective(
    params,
    spectral,
    discriminator=patch_discriminator.PatchDiscriminator(),
    batch=batch,
    completed=batch_lib.composite(refined, batch.image, batch.mask),
    weights=losses.LossWeights(),
  )
  np.testing.assert_allclose(loss, golden["d_loss"], atol=1e-5)
  np.testing.assert_allclose(
    metrics["real_score"], golden["pos"].mean(), atol=1e-5
  )
  np.testing.assert_allclose(
    metrics["fake_score"], golden["neg"].mean(), atol=1e-5
  )
  for layer, expected in released.spectral(golden, "u1").items():
    (name,) = [key for key in expected if key.endswith("/u")]
    np.testing.assert_allclose(
      new_spectral[layer][name], expected[name], atol=1e-5, err_msg=layer
    )


@pytest.mark.parametrize("case", CASES)
def test_scores_of_every_patch_equal_the_released_program(case):
  golden, batch, _, params, spectral = read_case(case)
  _, refined = predict(golden)
  completed = batch_lib.composite(refined, batch.image, batch.mask)
  discriminator = patch_discriminator.PatchDiscriminator()
  for image, name in ((batch.image, "pos"), (completed, "neg")):
    scores = discriminator.apply(
      {"params": params, "spectral": spectral},
      image,
      batch.mask,
      batch.sketch,
      update_stats=False,
    )
    np.testing.assert_allclose(scores, golden[name], atol=5e-5, err_msg=name)


def test_discriminator_gradients_equal_the_released_program():
  # At a converged u, where the released program's race does not matter: see
  # DIFFERENCES.md.
  golden, batch, _, params, spectral = read_case("losses_64_converged_u")
  _, refined = predict(golden)
  grads, _ = jax.grad(objectives.discriminator_objective, has_aux=True)(
    params,
    spectral,
    discriminator=patch_discriminator.PatchDiscriminator(),
    batch=batch,
    completed=batch_lib.composite(refined, batch.image, batch.mask),
    weights=losses.LossWeights(),
  )
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
      discriminator=patch_discriminator.PatchDiscriminator(),
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
  np.testing.assert_allclose(
    metrics["adversarial_loss"], golden["g_gan"], atol=1e-5
  )
  np.testing.assert_allclose(
    metrics["l1_coarse"] + metrics["l1_refined"], golden["ae_loss"], atol=1e-5
  )
  assert_gradients_equal(golden, "inpaint_net", grads, tolerance=1e-4)


def test_completed_pictures_are_constants_of_the_discriminator():
  golden, batch, _, params, spectral = read_case("losses_64")

  def objective(completed):
    return objectives.discriminator_objective(
      params,
      spectral,
      discriminator=patch_discriminator.PatchDiscriminator(),
      batch=batch,
      completed=completed,
      weights=losses.LossWeights(),
    )[0]

  grad = jax.grad(objective)(predict(golden)[1])
  assert np.abs(grad).max() == 0


def test_what_counts_all_pixels_alike_has_no_weights_of_pixels(monkeypatch):
  monkeypatch.setattr(objectives.losses, "pixel_weight", None)
  pictures, mask = np.ones((1, 8, 8, 3), "f"), np.ones((1, 8, 8, 1), "f")
  evaluate = lambda **weights: objectives.pixel_objective(
    *(pictures, pictures),
    batch=batch_lib.Batch(pictures, mask),
    weights=losses.LossWeights(**weights),
  )
  assert evaluate()[0] == 0
  with pytest.raises(TypeError):
    evaluate(hole=2.0)
