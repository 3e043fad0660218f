"""The generator that the config of a checkpoint describes."""

import jax
import jax.numpy as jnp
import ml_collections

from gatedinpaint_jax import build, errors


def build_generator(saved):
  """Returns the generator of a `SavedModel`, whose arrays must be its own.

  Args:
    saved: of `checkpoint_reader.read`.

  Raises:
    UserError: if its config describes no generator, or another one.
  """
  try:
    config = ml_collections.ConfigDict(saved.config)
    generator, _ = build.build_networks(config)
    image, mask = jnp.zeros((1, 16, 16, 3)), jnp.zeros((1, 16, 16, 1))
    sketch = mask if generator.guided else None
    like = jax.eval_shape(
      lambda: generator.init(jax.random.key(0), image, mask, sketch)
    )
  except (errors.UserError, AttributeError, KeyError, TypeError) as error:
    raise errors.UserError(
      f"the config in {saved.folder} describes no model "
      f"({errors.first_words(error)}); import or train it again"
    ) from error
  shapes = lambda tree: jax.tree.map(lambda x: x.shape, tree)
  if shapes(like["params"]) != shapes(saved.generator):
    raise errors.UserError(
      f"the config in {saved.folder} is of another model than its"
      " arrays; import or train it again"
    )
  return generator
