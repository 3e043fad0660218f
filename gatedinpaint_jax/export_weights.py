"""Writes the networks of a checkpoint to a safetensors file.

  python -m gatedinpaint_jax.export_weights --checkpoint DIR
      --output P.safetensors [--with_discriminator] [--overwrite]

DIR is the workdir of a run, its `checkpoints/` or one step of it. The file
holds float32 arrays; pictures are RGB, kernels `[H, W, I, O]`:

  generator/coarse/LAYER/kernel, .../bias
  generator/refinement/LAYER/kernel, .../bias
  discriminator/LAYER/kernel, .../bias         only --with_discriminator, as the
  spectral/LAYER/u, .../sigma                  power iteration of its norms

The generator is the moving average where the run has one. The metadata holds
`format` ("gatedinpaint-jax"), `version` and `config`, the whole config in JSON.
`python -m gatedinpaint_jax.import_weights` reads all of it back to the bit.
"""

import json
import pathlib

import numpy as np
from absl import flags

import gatedinpaint_jax
from gatedinpaint_jax import command_line, errors, files
from gatedinpaint_jax.training import checkpoint_reader
from gatedinpaint_jax.weights import names, safetensors_file


def main(argv) -> int:
  """Exports what the flags name and returns the exit code."""
  values = _flags()
  values = command_line.parse(
    values, argv, doc=__doc__, required=("checkpoint", "output")
  )
  output = pathlib.Path(values.output).expanduser()
  _check_output(output, overwrite=values.overwrite)
  with errors.prefixed("--checkpoint: "):
    model = checkpoint_reader.read(
      values.checkpoint, with_discriminator=values.with_discriminator
    )
  arrays = _arrays(model, with_discriminator=values.with_discriminator)
  metadata = {
    "format": safetensors_file.FORMAT,
    "version": gatedinpaint_jax.__version__,
    "config": json.dumps(model.config),
  }
  with errors.prefixed("--output="):
    safetensors_file.write(output, arrays, metadata)
  print(f"{output} holds {len(arrays)} arrays of {model.folder}")
  return 0


def _flags():
  values = flags.FlagValues()
  flag = command_line.definers(values)
  flag.text("checkpoint", None, "The run to export.")
  flag.text("output", None, "The .safetensors file to write.")
  flag.switch(
    "with_discriminator",
    False,
    "Export the discriminator too, for training to go on from.",
  )
  flag.switch("overwrite", False, "Replace the output if it exists.")
  return values


def _check_output(output, *, overwrite):
  """Raises UserError if the file cannot be what is asked for."""
  if output.suffix != safetensors_file.SUFFIX:
    raise errors.UserError(
      f"--output={output}: must end in {safetensors_file.SUFFIX}"
    )
  with errors.prefixed("--output="):
    files.check_file(output)
  if output.exists() and not overwrite:
    raise errors.UserError(
      f"--output={output}: exists; --overwrite replaces it"
    )


def _arrays(model, *, with_discriminator):
  """Returns the arrays of a `SavedModel` by our names."""
  trees = {"generator": model.generator}
  if with_discriminator:
    if model.discriminator is None:
      raise errors.UserError(
        f"--with_discriminator: {model.folder} holds none; leave the flag out"
      )
    if model.spectral is None:
      raise errors.UserError(
        f"--with_discriminator: that of {model.folder} is no SN-PatchGAN, and "
        "others fit one size of pictures; leave the flag out"
      )
    trees["discriminator"] = model.discriminator
    trees["spectral"] = model.spectral
  return {
    name: np.asarray(array) for name, array in names.flatten(trees).items()
  }


if __name__ == "__main__":
  command_line.run(main)
