"""Reads weights of other programs, and those of `export_weights`."""

import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from gatedinpaint_jax import errors, files, terminal
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.training import checkpoint_reader
from gatedinpaint_jax.weights import names, pytorch_file, safetensors_file

_EXPECTED = (
  "a TensorFlow checkpoint (folder, prefix or .index), the PyTorch port's "
  ".pth, .pt or .safetensors, or a .safetensors of export_weights"
)

# Entries of the optimizer in a released checkpoint.
_COUNTERS = {"beta1_power", "beta2_power", "lr", "global_step"}
_SLOTS = ("Adam", "Adam_1")
# Keys of `config.data` that say what the numbers of pictures are.
_OF_VALUES = ("value_range", "no_data", "shown_channels")
# Number of names listed per kind of fault.
_SHOWN = 8


class ImportedWeights(NamedTuple):
  """Weights in our trees."""

  # `generator`, and optionally `discriminator` with `spectral`; see `assemble`.
  trees: dict[str, Any]
  model: dict[str, Any]  # `config.model` of the networks
  file: str  # name of the source file, without folders
  left_out: tuple[str, ...] = ()  # names of other content of the file
  data: dict[str, Any] | None = None  # of `config.data`; None for photographs


def load_weights(path) -> ImportedWeights:
  """Reads a source; in a folder, the newest TensorFlow checkpoint."""
  path = files.expand(path)
  if path.is_file() and path.suffix in _READERS:
    return _READERS[path.suffix](path)
  index = _find_index(path)
  errors.check_installed("tensorflow", extra="train")
  # Imported here because it loads TensorFlow.
  with terminal.quiet_tensorflow():
    from gatedinpaint_jax.weights import tensorflow_checkpoint

  entries = tensorflow_checkpoint.read(index.with_suffix(""))
  entries = _without_optimizer(entries)
  return _assemble_released(entries, names.RELEASED, index)


def _find_index(path) -> pathlib.Path:
  if path.is_dir():
    return _newest_index(path)
  # Accepts any file of the checkpoint, or their common prefix.
  prefix = re.sub(r"\.(index|meta|data-\d+-of-\d+)$", "", path.name)
  index = path.with_name(f"{prefix}.index")
  if index.is_file():
    return index
  if path.exists():
    raise errors.UserError(
      f"{path} is a file of another kind; it should be {_EXPECTED}"
    )
  raise errors.UserError(f"nothing at {path}; it should be {_EXPECTED}")


def _newest_index(folder) -> pathlib.Path:
  """Returns the one named in the `checkpoint` file, else the newest."""
  listing = folder / "checkpoint"
  if listing.is_file():
    text = files.read(listing).decode("utf-8", errors="replace")
    named = re.search(r'^model_checkpoint_path: *"(.+)"', text, re.MULTILINE)
    # The path may be of another machine; the file is in this folder.
    index = folder / f"{pathlib.PurePath(named[1]).name if named else ''}.index"
    if index.is_file():
      return index
  found = list(folder.glob("*.index"))
  if not found:
    raise errors.UserError(
      f"{folder} holds no TensorFlow checkpoint (*.index); it should "
      f"be {_EXPECTED}; our own checkpoints need no import"
    )
  return max(found, key=lambda index: (index.stat().st_mtime_ns, index.name))


def _without_optimizer(entries):
  """Drops the optimizer's entries of a released checkpoint."""
  variables = {
    names.RELEASED.rename(name)
    for name in names.shapes(names.released_model(guided=False))
  }

  def is_optimizer(name):
    variable, _, slot = name.rpartition("/")
    return name in _COUNTERS or (slot in _SLOTS and variable in variables)

  return {n: array for n, array in entries.items() if not is_optimizer(n)}


def _read_pytorch(path) -> ImportedWeights:
  generator, left_out = pytorch_file.read(path)
  return _assemble_port(generator, path, left_out=left_out)


def _read_safetensors(path) -> ImportedWeights:
  arrays, metadata = safetensors_file.read(path)
  if metadata.get("format") == safetensors_file.FORMAT:
    return _assemble_ours(arrays, metadata, path)
  scope = f"{pytorch_file.GENERATOR}."
  generator = {
    name.removeprefix(scope): array
    for name, array in arrays.items()
    if name.startswith(scope)
  }
  if not generator:
    return _assemble_port(arrays, path)
  others = {n.partition(".")[0] for n in arrays if not n.startswith(scope)}
  return _assemble_port(generator, path, left_out=sorted(others))


def _assemble_ours(arrays, metadata, path) -> ImportedWeights:
  try:
    config = checkpoint_reader.parse_config(metadata["config"])
    model, data = config["model"], _read_data(config)
    names.shapes(model)
  except errors.UserError as error:
    raise errors.UserError(f"{path}: {error}") from error
  except checkpoint_reader.DAMAGE as error:
    raise errors.UserError(
      f"{path}: its metadata has no config that describes the networks; "
      "export it again"
    ) from error
  trees = assemble(arrays, layout=names.OURS, model=model, file=path)
  return ImportedWeights(trees, model, path.name, data=data)


def _read_data(config) -> dict[str, Any] | None:
  """Returns what a config of `export_weights` says about values, if anything.

  Raises:
    UserError: if a range does not make sense.
  """
  data = config.get("data") or {}
  stated = {k: data[k] for k in _OF_VALUES if data.get(k) not in (None, [])}
  values_lib.from_config(config)
  return stated or None


def _assemble_port(entries, path, *, left_out=()) -> ImportedWeights:
  if any(name.startswith(("stage1.", "stage2.")) for name in entries):
    raise errors.UserError(
      f"{path} is the port's second variant (names begin with stage1."
      " or stage2.), a network with other padding and resampling; only the "
      "port's file of the released network can be imported"
    )
  return _assemble_released(entries, names.PORT, path, tuple(left_out))


def _assemble_released(entries, layout, path, left_out=()) -> ImportedWeights:
  first = entries.get(layout.rename("generator/coarse/conv1/kernel"))
  # The sketch is the sixth input.
  is_guided = (
    first is not None
    and first.ndim == 4
    and first.shape[layout.kernel_axes.index("I")] == 6
  )
  model = names.released_model(guided=is_guided)
  trees = assemble(entries, layout=layout, model=model, file=path)
  return ImportedWeights(trees, model, path.name, left_out)


def assemble(
  entries: Mapping[str, np.ndarray],
  *,
  layout: names.Layout,
  model: Mapping[str, Any],
  file,
) -> dict[str, Any]:
  """Returns `generator` and, if the file has one, `discriminator`, `spectral`.

  The trees are those of `TrainState` for the networks of `config.model`, in
  float32. If the layout has no `sigma`, it is 1 as in a new network; the first
  update replaces it. Errors name `file`.
  """
  shapes = names.shapes(model)
  generator = {n: s for n, s in shapes.items() if n.startswith("generator/")}
  if not any(layout.rename(n) in entries for n in shapes.keys() - generator):
    shapes = generator
  faults = _find_faults(entries, shapes, layout)
  if faults:
    raise errors.UserError(
      f"{file} does not hold the {'guided' if model['guided'] else 'plain'} "
      f"{model['conv']} networks of width {model['width']}: {'; '.join(faults)}"
    )
  arrays = {}
  for name, shape in shapes.items():
    entry = layout.rename(name)
    if entry is None:
      arrays[name] = np.ones(shape, np.float32)
      continue
    arrays[name] = layout.to_ours(name, entries[entry])
    if not np.isfinite(arrays[name]).all():
      raise errors.UserError(
        f"{file}: {entry} has values that are not finite; its training "
        "diverged, or the file is damaged"
      )
  return names.unflatten(arrays)


def _find_faults(entries, shapes, layout) -> list[str]:
  wanted = {
    layout.rename(name): layout.shape(shape)
    for name, shape in shapes.items()
    if layout.rename(name) is not None
  }
  misshaped = []
  for name in wanted.keys() & entries.keys():
    dtype, shape = entries[name].dtype, entries[name].shape
    if shape != wanted[name]:
      misshaped.append(f"{name} is {shape}, should be {wanted[name]}")
    elif not jnp.issubdtype(dtype, jnp.floating):
      misshaped.append(f"{name} is {dtype}, should be float32")
  kinds = {
    "missing": wanted.keys() - entries.keys(),
    "extra": entries.keys() - wanted.keys(),
    "misshaped": misshaped,
  }
  return [
    f"{len(found)} {kind} ({_shorten(sorted(found))})"
    for kind, found in kinds.items()
    if found
  ]


def _shorten(items: Sequence[str]) -> str:
  more = len(items) - _SHOWN
  tail = f" and {more} more" if more > 0 else ""
  return ", ".join(items[:_SHOWN]) + tail


_READERS = {
  safetensors_file.SUFFIX: _read_safetensors,
  ".pth": _read_pytorch,
  ".pt": _read_pytorch,
}
