import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gatedinpaint_jax.baselines import batch_norm

X = np.random.default_rng(0).normal(2, 3, (4, 6, 5, 3)).astype(np.float32)
TRAINING = {"mutable": [batch_norm.STATISTICS]}


def test_training_and_inference_equal_those_of_flax():
  ours, theirs = batch_norm.BatchNorm(), nn.BatchNorm(momentum=0.99)
  params = ours.init(jax.random.key(0), X)["params"]
  params |= {"scale": np.float32([1, 2, 3]), "bias": np.float32([0, 1, -1])}
  learned = {name: params[name] for name in ("scale", "bias")}
  running = {"mean": np.zeros(3, np.float32), "var": np.ones(3, np.float32)}
  for _ in range(2):
    y, changed = ours.apply({"params": params}, X, **TRAINING)
    expected, flax = theirs.apply(
      {"params": learned, "batch_stats": running},
      X,
      use_running_average=False,
      mutable=["batch_stats"],
    )
    np.testing.assert_allclose(y, expected, atol=2e-6)
    params = batch_norm.with_statistics(params, changed[batch_norm.STATISTICS])
    running = flax["batch_stats"]
    np.testing.assert_allclose(params["mean"], running["mean"], rtol=1e-6)
    np.testing.assert_allclose(params["variance"], running["var"], rtol=1e-5)
  np.testing.assert_allclose(
    ours.apply({"params": params}, X),
    theirs.apply(
      {"params": learned, "batch_stats": running}, X, use_running_average=True
    ),
    atol=1e-5,
  )


def test_no_gradient_reaches_the_statistics():
  layer = batch_norm.BatchNorm()
  params = layer.init(jax.random.key(0), X)["params"]
  for kwargs in ({}, TRAINING):

    def loss(params, kwargs=kwargs):
      y = layer.apply({"params": params}, X, **kwargs)
      return jnp.square(y[0] if kwargs else y)[..., :2].sum()

    gradient = jax.jit(jax.grad(loss))(params)
    assert not gradient["mean"].any() and not gradient["variance"].any()
    assert gradient["scale"][:2].all()


def test_batch_only_norm_knows_only_this_batch():
  layer = batch_norm.BatchOnlyNorm()
  variables = layer.init(jax.random.key(0), X)
  assert set(variables["params"]) == {"scale", "bias"}
  y = layer.apply(variables, 5 * X + 1)
  np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-6)
  np.testing.assert_allclose(y.std((0, 1, 2)), 1, atol=1e-4)
