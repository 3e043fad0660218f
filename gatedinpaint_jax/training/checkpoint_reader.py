"""Reads what inference needs of a checkpoint, on whatever machine it was made.

A path may name the workdir of a run, its `checkpoints/`, or one step of it.
"""

import pathlib
from typing import Any, NamedTuple

import jax
import orbax.checkpoint as ocp

from gatedinpaint_jax import errors
from gatedinpaint_jax.training import checkpoint_files, checkpoints


class SavedModel(NamedTuple):
  """The networks of a checkpoint.

  Attributes:
    folder: of the step.
    config: plain dictionary; its section `model` describes the networks.
    generator: parameters, the moving average where there is one.
    discriminator: parameters, or None if they were not asked for or are not
      there, as in weights that were imported without.
    spectral: the power iteration of the discriminator, or None.
  """

  folder: pathlib.Path
  config: dict[str, Any]
  generator: Any
  discriminator: Any = None
  spectral: Any = None


def find(path) -> pathlib.Path:
  """Returns the folder of the newest step below a path, or of the step itself.

  Raises:
    UserError: if there is none, saying what the path is instead.
  """
  path = pathlib.Path(path).expanduser().resolve()
  if not path.exists():
    raise errors.UserError(
      f"nothing at {path}; it should be a workdir, its "
      f"{checkpoints.FOLDER}/ or one step of it"
    )
  for folder in (path / checkpoints.FOLDER, path):
    steps = _steps(folder)
    if steps:
      return folder / str(max(steps))
  if _is_step(path):
    return path
  raise errors.UserError(f"{path} {_what_it_is(path)}")


def read(path, *, with_discriminator: bool = False) -> SavedModel:
  """Restores the networks onto the first device.

  Args:
    path: anything that `find` takes.
    with_discriminator: read the discriminator too, where there is one.

  Raises:
    UserError: if there is no checkpoint or it is damaged.
  """
  folder = find(path)
  standard = ocp.StandardCheckpointHandler
  handler = ocp.CompositeCheckpointHandler(
    state=standard(), generator=standard(), config=ocp.JsonCheckpointHandler()
  )
  with ocp.Checkpointer(handler) as checkpointer:
    try:
      for item in ("generator", *(["state"] * with_discriminator)):
        checkpoint_files.read_through(folder / item)
      trees = checkpointer.metadata(folder).item_metadata
      wanted = {
        "generator": ocp.args.StandardRestore(_on_first_device(trees.generator))
      }
      has_state = with_discriminator and trees.get("state") is not None
      if has_state:
        wanted["state"] = ocp.args.StandardRestore(
          _on_first_device(trees.state)
        )
      items = checkpointer.restore(
        folder,
        ocp.args.Composite(config=ocp.args.JsonRestore(), **wanted),
      )
    except checkpoint_files.DAMAGE as error:
      raise errors.UserError(
        f"{folder} cannot be read "
        f"({errors.first_words(error)}); name another step or make it again"
      ) from error
  state = items.state if has_state else {}
  return SavedModel(
    folder=folder,
    config=items.config,
    generator=items.generator,
    discriminator=state.get("discriminator"),
    spectral=state.get("spectral"),
  )


def _steps(folder) -> list[int]:
  """Returns the steps whose checkpoints are complete in a folder."""
  if not folder.is_dir():
    return []
  return [
    int(step.name)
    for step in folder.iterdir()
    if step.name.isdecimal() and _is_step(step)
  ]


def _is_step(folder) -> bool:
  return (folder / "generator").is_dir() and (folder / "config").is_dir()


def _what_it_is(path) -> str:
  """Says why a path is no checkpoint of ours and what to do with it."""
  import_first = (
    "; python -m gatedinpaint_jax.import_weights makes a checkpoint of them"
  )
  if path.suffix in (".pth", ".pt", ".safetensors", ".index"):
    return f"holds weights of another kind{import_first}"
  if path.is_file():
    return "is a file; it should be the folder of a run"
  if any(path.glob("*.index")):
    return f"holds weights of TensorFlow{import_first}"
  return (
    f"holds no checkpoint; it should hold {checkpoints.FOLDER}/STEP/ with "
    "generator/ and config/"
  )


def _on_first_device(tree):
  """Returns what to restore: the saved shapes, without the saved devices."""
  device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=device),
    tree.tree,
    is_leaf=lambda x: hasattr(x, "shape"),
  )
