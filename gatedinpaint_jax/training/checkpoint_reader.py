"""Reads the networks of a checkpoint, regardless of the devices that wrote it.

A path may name the workdir of a run, its `checkpoints/`, or one step.
"""

import json
import pathlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
import orbax.checkpoint as ocp
import tensorstore as ts

from gatedinpaint_jax import build, errors, files, values

FOLDER = "checkpoints"
# What is raised, also by orbax and tensorstore, when files are missing, damaged
# or false.
DAMAGE = (OSError, *errors.NONSENSE)
# What orbax calls the leaves that it stores as arrays.
_ARRAYS = ("jax.Array", "np.ndarray", "scalar")
# How much of its files an item may be in memory. Parameters do not compress;
# zeros do, by ten thousands.
_MOST_BYTES_PER_BYTE = 100


class SavedModel(NamedTuple):
  """The parameters of a checkpoint's networks."""

  folder: pathlib.Path  # of the step
  config: dict[str, Any]  # its section `model` describes the networks
  generator: Any  # the moving average if the run keeps one
  discriminator: Any = None  # None if it was not requested or not saved
  spectral: Any = None  # its power iteration, likewise


def find(path) -> pathlib.Path:
  """Returns the folder of the step that a path names, the newest of several.

  Raises:
    UserError: if there is no checkpoint; the message says what was found.
  """
  path = files.expand(path).resolve()
  if not path.exists():
    raise errors.UserError(
      f"nothing at {path}; it should be a workdir, its {FOLDER}/ or one step "
      "of it"
    )
  for folder in (path / FOLDER, path):
    steps = [p for p in folder.glob("*") if p.name.isdecimal() and _is_step(p)]
    if steps:
      return max(steps, key=lambda step: int(step.name))
  if _is_step(path):
    return path
  raise errors.UserError(f"{path} {_describe(path)}")


def read(path, *, with_discriminator: bool = False) -> SavedModel:
  """Restores the networks onto the first device.

  Raises:
    UserError: if there is no checkpoint or it is damaged.
  """
  while True:
    folder = find(path)
    try:
      return _read(folder, with_discriminator)
    except DAMAGE as error:
      # A run that still trains removes old steps, but not its newest.
      if find(path) == folder:
        raise errors.UserError(
          f"{folder} cannot be read ({errors.first_words(error)}); name "
          "another step or create it again"
        ) from error


def _read(folder, with_discriminator) -> SavedModel:
  """Reads one step; raises one of `DAMAGE` if it cannot."""
  config = read_config(folder)
  for item in ("generator", *(["state"] * with_discriminator)):
    read_through(folder / item)
  standard = ocp.StandardCheckpointHandler
  handler = ocp.CompositeCheckpointHandler(
    state=standard(), generator=standard(), config=ocp.JsonCheckpointHandler()
  )
  with ocp.Checkpointer(handler) as checkpointer:
    saved = checkpointer.metadata(folder).item_metadata
    wanted = {"generator": saved.generator}
    if with_discriminator and saved.get("state") is not None:
      wanted["state"] = saved.state
    items = checkpointer.restore(
      folder,
      ocp.args.Composite(
        config=ocp.args.JsonRestore(),
        **{
          name: ocp.args.StandardRestore(_on_first_device(tree))
          for name, tree in wanted.items()
        },
      ),
    )
  state = items.state if "state" in wanted else {}
  return SavedModel(
    folder=folder,
    config=config,
    generator=items.generator,
    discriminator=state.get("discriminator"),
    spectral=state.get("spectral"),
  )


def build_generator(saved: SavedModel):
  """Returns the generator that the config of a checkpoint describes.

  Raises:
    UserError: if it describes none, or one that the arrays do not fit, or a
      range of values that does not make sense.
  """
  try:
    config = ml_collections.ConfigDict(saved.config)
    values.from_config(saved.config)
    generator, _ = build.build_networks(config)
    image = jnp.zeros((1, 16, 16, generator.channels))
    mask = image[..., :1]
    sketch = mask if generator.guided else None
    expected = jax.eval_shape(
      lambda: generator.init(jax.random.key(0), image, mask, sketch)
    )
  except (errors.UserError, *DAMAGE) as error:
    raise errors.UserError(
      f"the config in {saved.folder} describes no model "
      f"({errors.first_words(error)}); import or train it again"
    ) from error
  shapes = lambda tree: jax.tree.map(lambda x: x.shape, tree)
  if shapes(expected["params"]) != shapes(saved.generator):
    raise errors.UserError(
      f"the config in {saved.folder} describes another model than its arrays; "
      "import or train it again"
    )
  return generator


def check_intact(folder: pathlib.Path) -> None:
  """Raises one of `DAMAGE` unless a checkpoint is complete and readable.

  Does not use orbax, whose restore waits for all processes.
  """
  config = read_config(folder)
  for item in ("state", "generator"):
    # Imported weights may lack a training state.
    is_needed = item == "generator" or "imported_from" not in config
    if is_needed and not (folder / item).is_dir():
      raise FileNotFoundError(f"{item} is missing")
    read_through(folder / item)


def read_config(folder: pathlib.Path) -> dict[str, Any]:
  """Returns the config of a step; raises one of `DAMAGE` if it cannot.

  Also if anything in the step is not a file, since a pipe would be waited for.
  """
  for path in folder.rglob("*"):
    if path.is_symlink() or not path.is_dir():
      files.check_regular(path)
  json.loads(files.read(folder / "_CHECKPOINT_METADATA"))
  return parse_config(files.read(folder / "config" / "metadata"))


def parse_config(text: str | bytes) -> dict[str, Any]:
  """Returns a config in JSON; raises one of `DAMAGE` if not."""
  config = json.loads(text)
  if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
    raise TypeError("its config has no section model")
  return config


def read_through(item: pathlib.Path) -> None:
  """Reads all arrays of a checkpoint item; raises one of `DAMAGE` if it cannot.

  Keeps none of them. A failed restore by orbax leaves background tasks that
  print tracebacks. A missing item counts as undamaged.
  """
  if not item.is_dir():
    return
  for name in ("_sharding", "array_metadatas/process_0"):
    if (item / name).is_file():
      json.loads(files.read(item / name))
  arrays = _open_arrays(item)
  size = sum(array.size * array.dtype.numpy_dtype.itemsize for array in arrays)
  stored = sum(path.stat().st_size for path in item.rglob("*"))
  if size > max(_MOST_BYTES_PER_BYTE * stored, 10**8):
    raise ValueError(
      f"{size / 1e9:.1f} GB of arrays are claimed in {stored / 1e6:.1f} MB"
    )
  for array in arrays:
    array.read().result()


def check_shapes(item: pathlib.Path, like) -> None:
  """Raises ValueError unless an item has the shapes of a tree, in any order."""
  shapes = sorted(array.shape for array in _open_arrays(item))
  if shapes != sorted(leaf.shape for leaf in jax.tree.leaves(like)):
    raise ValueError("its arrays have other shapes")


def _open_arrays(item) -> list[ts.TensorStore]:
  """Returns all arrays of a checkpoint item, not yet read."""
  base = {"driver": "ocdbt", "base": {"driver": "file", "path": f"{item}/"}}
  context = ts.Context({"cache_pool": {"total_bytes_limit": 10**8}})
  files_of_arrays = ts.KvStore.open(base, context=context).result().list()
  names = {
    name.decode().removesuffix("/.zarray")
    for name in files_of_arrays.result()
    if name.endswith(b"/.zarray")
  }
  tree = json.loads(files.read(item / "_METADATA"))["tree_metadata"]
  for leaf in tree.values():
    name = ".".join(key["key"] for key in leaf["key_metadata"])
    if leaf["value_metadata"]["value_type"] in _ARRAYS and name not in names:
      raise ValueError(f"{name} is missing")
  return [
    ts.open(
      {
        "driver": "zarr",
        "kvstore": {**base, "path": f"{name}/"},
        "fill_missing_data_reads": False,
      },
      context=context,
    ).result()
    for name in names
  ]


def _is_step(folder) -> bool:
  return (folder / "generator").is_dir() and (folder / "config").is_dir()


def _describe(path) -> str:
  """Returns why a path is not a checkpoint and what to do with it."""
  import_first = (
    "; python -m gatedinpaint_jax.import_weights converts them to a checkpoint"
  )
  if path.suffix in (".pth", ".pt", ".safetensors", ".index"):
    return f"holds weights in another format{import_first}"
  if path.is_file():
    return "is a file; it should be the folder of a run"
  if any(path.glob("*.index")):
    return f"holds TensorFlow weights{import_first}"
  return (
    f"holds no checkpoint; it should hold {FOLDER}/STEP/ with generator/ and "
    "config/"
  )


def _on_first_device(metadata):
  """Returns the saved shapes, to be restored onto the first local device."""
  device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=device),
    metadata.tree,
    is_leaf=lambda x: hasattr(x, "shape"),
  )
