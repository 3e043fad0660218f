"""Where the measured programs compute, in which precision, and at what share.

For the benchmarks that can run on a GPU: on the first one, unless
CUDA_VISIBLE_DEVICES names another.
"""

import os
from collections.abc import Iterable, Mapping

import command
from absl import flags

from gatedinpaint_jax import errors

_DEVICE = flags.DEFINE_enum(
  "device", "cpu", ["cpu", "gpu"], "What all programs compute on."
)
BFLOAT16 = flags.DEFINE_bool(
  "bfloat16",
  False,
  "Ours computes in bfloat16, the port under autocast. Without, both may round "
  "the factors of products to TF32 on a GPU that has it.",
)
_PEAK_TFLOPS = command.above_zero(
  "peak_tflops",
  "What the device can do in 10^12 operations a second, as its maker says, two "
  "to a multiply-add: also tell which share of it each program reaches.",
)


def is_gpu() -> bool:
  """Returns whether the programs are to compute on a GPU."""
  return _DEVICE.value == "gpu"


def arguments() -> list[str]:
  """Returns what tells a program, ours or the port, where to compute."""
  precision = ["--bfloat16"] if BFLOAT16.value else []
  return [f"--device={_DEVICE.value}", *precision]


def choose() -> str | None:
  """Lets JAX compute there, before it starts; returns the name of the GPU.

  Raises:
    UserError: if there is none that JAX can use.
  """
  import jax

  if not is_gpu():
    jax.config.update("jax_platforms", "cpu")
    return None
  os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
  # Another program is measured in the memory of the same GPU.
  os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
  try:
    found = jax.default_backend()
  except RuntimeError as error:
    found = errors.first_words(error)
  if found != "gpu":
    raise errors.UserError(
      f"--device=gpu: JAX finds no GPU here ({found}); it needs one and pip"
      " install 'jax[cuda12]', or take --device=cpu"
    )
  return jax.devices()[0].device_kind


def shares_of_peak(
  measured: Mapping, programs: Iterable[str], multiply_adds
) -> dict:
  """Returns which share of --peak_tflops each program reaches, if it is given.

  Args:
    measured: what `turns.measure` returns.
    programs: their names.
    multiply_adds: a function to those of a picture, which loads JAX.
  """
  if _PEAK_TFLOPS.value is None:
    return {}
  import jax

  jax.config.update("jax_platforms", "cpu")  # only to count
  count = multiply_adds()
  peak = _PEAK_TFLOPS.value * 1e12
  shares = {
    f"{name}_share_of_peak": round(
      2 * count * measured[f"{name}_images_per_second"]["median"] / peak, 4
    )
    for name in programs
  }
  return {"multiply_adds_per_image": count} | shares
