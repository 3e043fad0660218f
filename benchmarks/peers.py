"""The programs that ours is measured beside, each in a process of its own.

Flags say where their checkouts are; a peer without one is left out. Nothing of
them is copied, and their own Python files are only imported.

  git clone https://github.com/nipponjo/deepfillv2-pytorch PORT
  python -m venv TORCH && TORCH/bin/pip install torch
  git clone https://github.com/JiahuiYu/generative_inpainting RELEASED
  git clone https://github.com/JiahuiYu/neuralgym NEURALGYM
"""

import pathlib
import shutil
import sys

from absl import flags

from gatedinpaint_jax import errors

PORT = flags.DEFINE_string("port", None, "Checkout of the PyTorch port.")
_PORT_PYTHON = flags.DEFINE_string(
  "port_python", sys.executable, "The Python that has PyTorch."
)
RELEASED = flags.DEFINE_string(
  "released", None, "Checkout of the released TensorFlow program."
)
_NEURALGYM = flags.DEFINE_string(
  "neuralgym", None, "Checkout of what the released program needs."
)
_HERE = pathlib.Path(__file__).resolve().parent


def port(script: str, *arguments: str) -> list[str]:
  """Returns the command that runs a script of this folder with the port.

  Raises:
    UserError: if the checkout or the Python is not there.
  """
  _check_checkout("port", PORT.value, "of the PyTorch port")
  if shutil.which(_PORT_PYTHON.value) is None:
    raise errors.UserError(
      f"--port_python={_PORT_PYTHON.value}: no program; must be the Python that"
      " has PyTorch"
    )
  path = str(_HERE / script)
  return [_PORT_PYTHON.value, path, f"--port={PORT.value}", *arguments]


def released(*arguments: str) -> list[str]:
  """Returns the command that completes pictures with the released program.

  Raises:
    UserError: if one of the two checkouts is not there.
  """
  _check_checkout("released", RELEASED.value, "of the released program")
  _check_checkout("neuralgym", _NEURALGYM.value, "that --released needs")
  checkouts = (
    f"--released={RELEASED.value}",
    f"--neuralgym={_NEURALGYM.value}",
  )
  script = str(_HERE / "released_inference.py")
  return [sys.executable, script, *checkouts, *arguments]


def _check_checkout(flag, folder, whose):
  if folder is None or not pathlib.Path(folder).is_dir():
    given = f"--{flag} is missing" if folder is None else f"--{flag}={folder}"
    raise errors.UserError(
      f"{given}: must be the folder of a checkout {whose}; benchmarks/peers.py"
      " tells where it comes from"
    )
