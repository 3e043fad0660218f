"""Makes a checkpoint of weights that come from elsewhere.

  python -m gatedinpaint_jax.import_weights --source P --output DIR

P is one of

  a checkpoint of the released TensorFlow program: its folder, the prefix of
    its files or the .index file
  the PyTorch port's .pth or .pt (needs `pip install "gatedinpaint-jax[torch]"`)
    or the same in .safetensors
  a .safetensors of `python -m gatedinpaint_jax.export_weights`

Plain and guided networks are told apart by what is in the file. A discriminator
comes along where there is one, and training in DIR begins with all of it. A
file that lacks an array, or holds one too many, is refused as a whole.
"""

import contextlib
import pathlib
import shlex

from absl import flags

from gatedinpaint_jax import command_line, errors, files
from gatedinpaint_jax.training import checkpoint_reader, checkpoints
from gatedinpaint_jax.training import state as state_lib
from gatedinpaint_jax.weights import source as source_lib


def main(argv) -> int:
  """Imports what the flags name and returns the exit code."""
  values = _flags()
  values = command_line.parse(
    values, argv, doc=__doc__, required=("source", "output")
  )
  output = pathlib.Path(values.output).expanduser()
  _check_is_free(output)
  with errors.prefixed("--source: "):
    weights = source_lib.read(values.source)
  _save(weights, output)
  _print_summary(weights, output)
  return 0


def _flags():
  values = flags.FlagValues()
  flag = command_line.definers(values)
  flag.text("source", None, "The weights to import; see above.")
  flag.text(
    "output", None, "The folder that gets the checkpoint; created if missing."
  )
  return values


def _check_is_free(output):
  """Raises UserError if a folder holds a checkpoint already."""
  try:
    folder = checkpoint_reader.find(output)
  except errors.UserError:
    return
  raise errors.UserError(
    f"--output={output}: holds the checkpoint {folder} already; name another "
    "folder"
  )


def _save(weights, output):
  """Saves the weights as step 0 of a run."""
  config = {"model": weights.model, "imported_from": weights.file}
  with errors.prefixed("--output="):
    # Orbax fails in the background where it cannot make its folder.
    files.make_folder(output / checkpoints.FOLDER)
  try:
    store = checkpoints.Checkpoints(output, keep=1)
    with contextlib.closing(store):
      store.save_imported(weights.trees, config)
  except OSError as error:
    raise errors.UserError(
      f"--output={output}: cannot be written ({error.strerror}); name a folder "
      "that can"
    ) from error


def _print_summary(weights, output):
  """Prints the parameters, what was left out, and how to go on."""
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
    f"{'' if len(networks) > 1 else ', no discriminator'}; go on with: python "
    f"-m gatedinpaint_jax.inpaint {inputs} --output out.png --checkpoint "
    f"{shlex.quote(str(output))}"
  )


if __name__ == "__main__":
  command_line.run(main)
