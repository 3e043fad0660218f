"""Converts weights of other programs to a checkpoint.

  python -m gatedinpaint_jax.import_weights --source P --output DIR

P is one of

  a checkpoint of the released TensorFlow program: its folder, the prefix of
    its files or the .index file
  the PyTorch port's .pth or .pt (needs `pip install "gatedinpaint-jax[torch]"`)
    or the same in .safetensors
  a .safetensors of `python -m gatedinpaint_jax.export_weights`

Whether the network is guided is read from the file, and so are the channels and
their range in a file of `export_weights`. A discriminator in the file is
imported too; training in DIR starts from all imported weights. A file with
missing or extra arrays is rejected.
"""

import shlex

import jax

from gatedinpaint_jax import command_line, errors, files, terminal
from gatedinpaint_jax.training import checkpoint_reader, checkpoints
from gatedinpaint_jax.training import state as state_lib
from gatedinpaint_jax.weights import source as source_lib

# At most, besides the arrays.
_METADATA_BYTES = 10**6


def main(argv) -> int:
  """Imports the weights that the flags name and returns the exit code."""
  options = command_line.parse(
    _flags(), argv, doc=__doc__, required=("source", "output")
  )
  with errors.prefixed("--output="):
    output = files.expand(options.output)
  _check_is_free(output)
  with errors.prefixed("--source: "):
    weights = source_lib.load_weights(options.source)
  _save(weights, output)
  _print_summary(weights, output)
  return 0


def _flags():
  flag = command_line.Flags()
  flag.text("source", "The weights to import; see above.")
  flag.text("output", "The folder for the checkpoint; created if missing.")
  return flag


def _check_is_free(output):
  try:
    folder = checkpoint_reader.find(output)
  except errors.UserError:
    return
  raise errors.UserError(
    f"--output={output}: already holds the checkpoint {folder}; name another "
    "folder"
  )


def _save(weights, output):
  terminal.tidy()  # without the tracebacks of orbax
  config = {"model": weights.model, "imported_from": weights.file}
  if weights.data is not None:
    config["data"] = weights.data
  with errors.prefixed("--output="):
    # Otherwise orbax would fail in the background, with many tracebacks.
    arrays = jax.tree.leaves(weights.trees)
    room = sum(array.nbytes for array in arrays) + _METADATA_BYTES
    files.make_folder(output / checkpoints.FOLDER, room=room)
    with checkpoints.Checkpoints(output, keep=1) as store:
      store.save_imported(weights.trees, config)


def _print_summary(weights, output):
  if weights.left_out:
    names = ", ".join(weights.left_out)
    print(f"left out, because only the generator is read: {names}")
  networks = [n for n in ("generator", "discriminator") if n in weights.trees]
  for network in networks:
    count = state_lib.count_parameters(weights.trees[network])
    print(f"{network}: {count:,} parameters")
  guided = weights.model["guided"]
  inputs = "--image photo.jpg --mask mask.png"
  if guided:
    inputs += " --sketch sketch.png"
  print(
    f"{checkpoint_reader.find(output)} holds the "
    f"{'guided' if guided else 'plain'} {' and '.join(networks)}"
    f"{'' if len(networks) > 1 else ', no discriminator'}; use it with: python "
    f"-m gatedinpaint_jax.inpaint {inputs} --output out.png --checkpoint "
    f"{shlex.quote(str(output))}"
  )


if __name__ == "__main__":
  command_line.run(main)
