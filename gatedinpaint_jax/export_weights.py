"""Writes the networks of a checkpoint to a safetensors file.

  python -m gatedinpaint_jax.export_weights --checkpoint DIR
      --output P.safetensors [--with_discriminator] [--overwrite]

DIR is the workdir of a run, its `checkpoints/` or one step of it. The file
contains float32 arrays, with kernels `[H, W, I, O]` and RGB inputs:

  generator/coarse/LAYER/kernel, .../bias
  generator/refinement/LAYER/kernel, .../bias
  discriminator/LAYER/kernel, .../bias         with --with_discriminator, like
  spectral/LAYER/u, .../sigma                  the power iteration of its norms

The generator is the moving average if the run has one. The metadata contains
`format` ("gatedinpaint-jax"), `version` and the full `config` as JSON, which
tells the channels, and the range of values that are not those of photographs.
`python -m gatedinpaint_jax.import_weights` restores all of it exactly.
"""

import json

import numpy as np

import gatedinpaint_jax
from gatedinpaint_jax import command_line, errors, files
from gatedinpaint_jax.training import checkpoint_reader
from gatedinpaint_jax.weights import names, safetensors_file


def main(argv) -> int:
  """Exports the weights that the flags name and returns the exit code."""
  options = command_line.parse(
    _flags(), argv, doc=__doc__, required=("checkpoint", "output")
  )
  with errors.prefixed("--output="):
    output = files.expand(options.output)
    files.check_new_file(
      output, suffix=safetensors_file.SUFFIX, overwrite=options.overwrite
    )
  with errors.prefixed("--checkpoint: "):
    model = checkpoint_reader.read(
      options.checkpoint, with_discriminator=options.with_discriminator
    )
  arrays = _arrays(model, with_discriminator=options.with_discriminator)
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
  flag = command_line.Flags()
  flag.text("checkpoint", "The run to export.")
  flag.text("output", "The .safetensors file to write.")
  flag.switch(
    "with_discriminator",
    "Also export the discriminator, to continue training.",
  )
  flag.switch("overwrite", "Replace the output if it exists.")
  return flag


def _arrays(model, *, with_discriminator):
  trees = {"generator": model.generator}
  if with_discriminator:
    if model.discriminator is None:
      raise errors.UserError(
        f"--with_discriminator: {model.folder} holds none; leave the flag out"
      )
    if model.spectral is None:
      raise errors.UserError(
        f"--with_discriminator: that of {model.folder} is not an SN-PatchGAN, "
        "and others fit only one picture size; leave the flag out"
      )
    trees["discriminator"] = model.discriminator
    trees["spectral"] = model.spectral
  return {
    name: np.asarray(array) for name, array in names.flatten(trees).items()
  }


if __name__ == "__main__":
  command_line.run(main)
