"""Where the PyTorch port computes, and in which precision.

For the scripts that run it with the Python that has PyTorch.
"""

import sys

import torch


def add_flags(parser):
  """Adds the flags that `choose` and `autocast` read."""
  parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
  parser.add_argument("--bfloat16", action="store_true", help="autocast")


def choose(flags) -> torch.device:
  """Returns the device, after setting what makes the port quick there."""
  if flags.device == "cpu":
    return torch.device("cpu")
  if not torch.cuda.is_available():
    print(
      "error: --device=gpu: PyTorch finds no GPU; --port_python needs a PyTorch"
      " made for it",
      file=sys.stderr,
    )
    sys.exit(2)
  torch.backends.cudnn.benchmark = True
  # TF32, which XLA takes too.
  torch.set_float32_matmul_precision("high")
  return torch.device("cuda")


def name(device) -> str | None:
  """Returns the name of a GPU, None for the processor."""
  return torch.cuda.get_device_name() if device.type == "cuda" else None


def autocast(flags, device):
  """Returns the context in which the networks compute."""
  return torch.autocast(device.type, torch.bfloat16, enabled=flags.bfloat16)


def put(x, device):
  """Returns a module or pictures on the device, channels last on a GPU."""
  if device.type == "cpu":
    return x
  return x.to(device, memory_format=torch.channels_last)


def wait(device):
  """Waits until the device has computed everything."""
  if device.type == "cuda":
    torch.cuda.synchronize()
