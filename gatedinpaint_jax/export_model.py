r"""Writes the generator of a checkpoint for other runtimes.

  python -m gatedinpaint_jax.export_model --checkpoint DIR \
      --format onnx|stablehlo --output P \
      [--height H --width W] [--overwrite]

DIR is the workdir of a run, its `checkpoints/` or one step of it, or a
.safetensors file of `export_weights`. P depends on the format:

  onnx        P.onnx, for ONNX Runtime, OpenVINO and others
  stablehlo   P.stablehlo, for `jax.export.deserialize` and XLA

It contains a function complete(image, mask[, sketch]) -> completed of float32:

  image, completed   [B, H, W, C] in [-1, 1], RGB or the model's channels
  mask               [B, H, W, 1], 1 = hole
  sketch             [B, H, W, 1], 1 = line; only for guided models

What -1 and 1 stand for in data that is not photographs is printed, and kept in
the `metadata_props` of an ONNX file: `channels`, and as JSON `value_range`, one
[low, high] for each channel, and `no_data`, the value that marks a missing one.

H and W are any multiples of 8. The attention then holds the scores of all pairs
of places at once, about 6 GB at 1024 x 1024. With stablehlo, --height and
--width fix the size; a large fixed size is computed in pieces instead.
"""

import json
import os
import pathlib

import jax
from jax import export

from gatedinpaint_jax import batch, command_line, errors, files
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.baselines import completion_network
from gatedinpaint_jax.export import network as network_lib

_SUFFIXES = {"onnx": ".onnx", "stablehlo": ".stablehlo"}
# Every .stablehlo file supports all of these.
_PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def main(argv) -> int:
  """Exports the model that the flags name and returns the exit code."""
  options = command_line.parse(
    _flags(), argv, doc=__doc__, required=("checkpoint", "format", "output")
  )
  with errors.prefixed("--output="):
    # Not resolved, because a symbolic link is replaced. "." has no name.
    output = pathlib.Path(os.path.abspath(files.expand(options.output)))
    files.check_new_file(
      output, suffix=_SUFFIXES[options.format], overwrite=options.overwrite
    )
  _check_sides(options)
  with errors.prefixed("--checkpoint: "):
    network = network_lib.load(options.checkpoint)
  inputs = network_lib.inputs(
    network, height=options.height, width=options.width
  )
  content, in_pieces = _CONVERTERS[options.format](network, inputs)
  with errors.prefixed("--output="):
    files.write(output, content)
  print(
    f"{output} takes {_describe_sizes(options)}; "
    f"{_describe_attention(network, in_pieces)}; weights from {network.source}"
  )
  if properties := _properties(network.values):
    print("; ".join(f"{key}: {value}" for key, value in properties.items()))
  return 0


def _flags():
  flag = command_line.Flags()
  flag.text("checkpoint", "The run or weights to export.")
  flag.choice("format", None, list(_SUFFIXES), "The file format.")
  flag.text("output", "The file to write.")
  flag.integer("height", None, "Height of all pictures.")
  flag.integer("width", None, "Width of all pictures.")
  flag.switch("overwrite", "Replace the output if it exists.")
  return flag


def _check_sides(options):
  sides = {"height": options.height, "width": options.width}
  given = {name: side for name, side in sides.items() if side is not None}
  for name, side in given.items():
    if side <= 0 or side % batch.SIZE_MULTIPLE:
      raise errors.UserError(
        f"--{name}={side}: must be a multiple of {batch.SIZE_MULTIPLE}"
      )
  if len(given) == 1:
    (missing,) = set(sides) - set(given)
    raise errors.UserError(f"--{missing} is missing: fix both sides or none")
  if given and options.format != "stablehlo":
    raise errors.UserError(
      f"--height: {options.format} files take any size; leave it and --width "
      "out"
    )


def _to_onnx(network, inputs) -> tuple[bytes, bool]:
  """Returns the file and whether its attention is computed in pieces."""
  errors.check_installed("onnx", extra="export")
  from gatedinpaint_jax.export import onnx_file

  try:
    model = onnx_file.convert(
      network_lib.with_separate_gates(network_lib.complete(network)),
      inputs,
      ["completed"],
      description=network_lib.__doc__,
      properties=_properties(network.values),
    )
  except NotImplementedError as error:
    raise errors.UserError(
      "--format: this network cannot be converted "
      f"({errors.first_words(error)}); stablehlo supports all networks"
    ) from error
  return model.SerializeToString(), False


def _to_stablehlo(network, inputs) -> tuple[bytes, bool]:
  """Likewise; `exported.mlir_module_serialized` is the bare StableHLO."""
  complete = jax.jit(network_lib.complete(network))
  exported = export.export(complete, platforms=_PLATFORMS)(*inputs.values())
  # There is no other loop than that over the pieces.
  in_pieces = "stablehlo.while" in exported.mlir_module()
  return bytes(exported.serialize()), in_pieces


def _properties(values) -> dict[str, str]:
  """Returns what a user of the file must know about values; {} if they are RGB.

  Without a stated range it is the entire one of the data's integer type.
  """
  if values == values_lib.PHOTOGRAPHS:
    return {}
  properties = {"channels": str(values.channels)}
  if values.ranges:
    properties["value_range"] = json.dumps(values.ranges)
  if values.no_data is not None:
    properties["no_data"] = json.dumps(values.no_data)
  return properties


def _describe_attention(network, in_pieces):
  if isinstance(network.generator, completion_network.CompletionNetwork):
    return "it has no attention"
  if in_pieces:
    return "its attention is computed in pieces"
  return "its attention holds the scores of all pairs of places at once"


def _describe_sizes(options):
  if options.height is None:
    return f"any sides that are multiples of {batch.SIZE_MULTIPLE}"
  return f"pictures of {options.height} x {options.width}"


_CONVERTERS = {"onnx": _to_onnx, "stablehlo": _to_stablehlo}


if __name__ == "__main__":
  command_line.run(main)
