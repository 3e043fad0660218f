"""Completes pictures with the PyTorch port nipponjo/deepfillv2-pytorch.

Only for `inference.py` and `memory.py`, which start this file with the Python
that has PyTorch. It builds the generator of the port's own checkout, compiles
it with torch.compile unless told not to, and does for each line on stdin what
`turns.py` asks for. On a GPU the channels are last.

  python benchmarks/port_inference.py --port ~/deepfillv2-pytorch
"""

import argparse
import os
import sys

import port_device
import torch
import turns


def parse_flags():
  """Reads the command line."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--port", required=True, help="checkout of the port")
  parser.add_argument("--size", type=int, default=256, help="pixels a side")
  parser.add_argument("--batch", type=int, default=1, help="pictures at once")
  port_device.add_flags(parser)
  parser.add_argument("--eager", action="store_true", help="do not compile")
  return parser.parse_args()


def build_turn(flags):
  """Returns a function that completes a batch, from uint8 to uint8.

  On a GPU too, pictures come from the memory of the processor and go there.
  """
  device = port_device.choose(flags)
  torch.set_num_threads(len(os.sched_getaffinity(0)))
  sys.path.insert(0, flags.port)
  from model import networks

  torch.manual_seed(0)
  generator = networks.Generator(
    cnum_in=5, cnum_out=3, cnum=48, return_flow=False
  ).eval()
  generator = port_device.put(generator, device)
  if not flags.eager:
    generator = torch.compile(generator)
  size = (flags.size, flags.size)
  image = torch.randint(0, 256, (flags.batch, *size, 3), dtype=torch.uint8)
  mask = torch.zeros(1, 1, *size)
  quarter = flags.size // 4
  mask[:, :, quarter:-quarter, quarter:-quarter] = 1
  mask = mask.to(device)
  masks = mask.expand(flags.batch, -1, -1, -1)
  precision = port_device.autocast(flags, device)

  def turn():
    with torch.no_grad(), precision:
      pixels = image.to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
      incomplete = pixels * (1 - mask)
      ones = torch.ones_like(masks)
      inputs = torch.cat([incomplete, ones, ones * mask], dim=1)
      _, refined = generator(port_device.put(inputs, device), mask)
      completed = pixels * (1 - mask) + refined.float() * mask
      completed = ((completed + 1) * 127.5).round().byte().permute(0, 2, 3, 1)
      completed = completed.cpu()
    port_device.wait(device)
    return completed

  return turn


def main():
  """Answers the lines on stdin."""
  flags = parse_flags()
  turn = build_turn(flags)
  gpu = port_device.name(port_device.choose(flags))
  turns.answer(turn, {"torch": torch.__version__}, gpu=gpu)


if __name__ == "__main__":
  main()
